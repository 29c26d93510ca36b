// out ← offset + Σₗ θₗ imageₗ over the 16 slots from params.channel on, of params.width; added to what is
// there where params.added is 1. coefficients = θ.
#import vector_params

@group(0) @binding(1) var<storage, read> images: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn extrapolate(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.length {
        return;
    }
    var sum = params.offset;
    let slots = min(16u, params.width - params.channel);
    for (var slot = 0u; slot < slots; slot += 1u) {
        let image = images[row * params.width + params.channel + slot];
        sum += params.coefficients[slot / 4u][slot % 4u] * image;
    }
    if params.added == 1u {
        sum += out[row];
    }
    out[row] = sum;
}
