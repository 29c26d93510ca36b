// Points of any dimension, as quads of coordinates: point i is quads i·q to (i + 1)·q − 1, where
// q = params.quads. The last quad is padded with zeros.
alias Stored = vec4<f32>;
