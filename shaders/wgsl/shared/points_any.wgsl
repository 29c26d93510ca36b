// Points of any dimension, as quads of coordinates: point i is quads i·q to (i + 1)·q − 1, where
// q = params.quads. The last quad is padded with zeros.
alias Stored = vec4<f32>;

// Squared distances are summed within blocks of 32 terms, then over the 32 blocks of a range.
const BLOCK_QUADS: u32 = 8u;
const RANGE_QUADS: u32 = 256u;
