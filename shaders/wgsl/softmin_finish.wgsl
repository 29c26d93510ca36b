// The last step of softmin: combines the splits of each row and writes the logarithm,
//
//     outᵢ = −ε (log 2) (max + log2 Σ + log2 mean weight).
//
// coefficients[0] = (ε log 2, log2 mean weight, ·, ·).
#import vector_params
#import softmin_value

@group(0) @binding(1) var<storage, read> state: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> alarm: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn softmin_finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.length || (params.token != 0u && alarm[0] != params.token) {
        return;
    }
    var highest = state[row].x;
    for (var split = 1u; split < params.splits; split += 1u) {
        highest = max(highest, state[split * params.length + row].x);
    }
    var sum = 0.0;
    // First within blocks of 64, then over blocks.
    for (var first = 0u; first < params.splits; first += 64u) {
        let end = min(first + 64u, params.splits);
        var block = 0.0;
        for (var split = first; split < end; split += 1u) {
            let part = state[split * params.length + row];
            block += part.y * exp2(part.x - highest);
        }
        sum += block;
    }
    out[row] = softmin_value(vec2(highest, sum), params.coefficients[0].x, params.coefficients[0].y);
}
