// The parameters of one dispatch of a kernel over vectors. An invocation computes one element.
struct Params {
    length: u32,
    // How many slots of a state are combined, how many values an element has, and the first that is written.
    splits: u32,
    width: u32,
    channel: u32,
    // The index of the first partial sum of this dispatch.
    first_partial: u32,
    // 1: the result is added to the output; 0: it replaces it.
    added: u32,
    // The value that raises an alarm.
    token: u32,
    // The slot of a history that is written.
    slot: u32,
    // The offset that a mixture adds to every element.
    offset: f32,
    // How many vectors are interleaved: the numbers of an element.
    lines: u32,
    // Numbers that each kernel defines for itself.
    coefficients: array<vec4<f32>, 4>,
}

@group(0) @binding(0) var<uniform> params: Params;
