// The last step of the sums of a product: adds the splits of each row and multiplies with the mean weight,
//
//     outᵢ,channel+e = coefficients[0].x · Σ state.
#import vector_params
#import parts

@group(0) @binding(1) var<storage, read> state: array<Value>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn sums_finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.length {
        return;
    }
    #import sum_of_splits
    for (var index = 0u; index < min(PARTS, params.width - params.channel); index += 1u) {
        out[row * params.width + params.channel + index] = params.coefficients[0].x * part(sum, index);
    }
}
