// What one dispatch of a kernel over vectors is told. An invocation owns one element.
struct Params {
    length: u32,
    // Slots of a state that are combined, values an element has, and the first that is written.
    splits: u32,
    width: u32,
    channel: u32,
    // Where the partial sums of this dispatch begin.
    first_partial: u32,
    // 1: the result is added to what is there.
    added: u32,
    // What an alarm is raised with.
    token: u32,
    // The slot of a history that is written.
    slot: u32,
    // What a mixture adds to every element.
    offset: f32,
    // Vectors that lie side by side: an element has so many numbers.
    lines: u32,
    // Numbers whose meaning the kernel tells.
    coefficients: array<vec4<f32>, 4>,
}

@group(0) @binding(0) var<uniform> params: Params;
