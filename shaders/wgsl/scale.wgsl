// The update of a scaling, u ← 1/s in place of the old one, for s that may have left the range of a
// float: one step is at most 2^±STEP, and a factor beyond 2^±ABSORB moves into the potential,
// f += ε log u, u = 1. coefficients[0] = (ε log 2, ABSORB, STEP, ·).
#import vector_params

@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> scaling: array<f32>;
@group(0) @binding(3) var<storage, read_write> potential: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn scale(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.length {
        return;
    }
    let step = params.coefficients[0].z;
    let sum = clamp(sums[row], exp2(-step), exp2(step));
    let exponent = -log2(sum);
    if abs(exponent) > params.coefficients[0].y {
        potential[row] += params.coefficients[0].x * exponent;
        scaling[row] = 1.0;
    } else {
        scaling[row] = 1.0 / sum;
    }
}
