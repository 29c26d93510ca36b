// One column of a product of matrices, for vectors v side by side,
//
//     outᵢc ← offset + Σₗ Λₗc vᵢₗ,   c = params.slot of params.lines columns,
//
// over 16 of the params.width rows of Λ, from row params.channel on; out += that sum where params.added
// is 1. coefficients = these Λₗc.
#import vector_params

@group(0) @binding(1) var<storage, read> vectors: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn mixture(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.length {
        return;
    }
    var sum = params.offset;
    let terms = min(16u, params.width - params.channel);
    for (var term = 0u; term < terms; term += 1u) {
        let value = vectors[row * params.width + params.channel + term];
        sum += params.coefficients[term / 4u][term % 4u] * value;
    }
    let place = row * params.lines + params.slot;
    if params.added == 1u {
        sum += out[place];
    }
    out[place] = sum;
}
