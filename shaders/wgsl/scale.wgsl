// The update of a scaling, u ← s^{−λ} exp(−f/(ρ + ε)) with λ = ρ/(ρ + ε), in place of the old one.
// With w = 1 − λ that is (1/s) (s exp(−f/ε))^w, so 1/s where ρ is infinite. Sums may be outside the
// range of a float: they are cut at 2^±STEP, and a factor beyond 2^±ABSORB moves into the potential,
// f += ε log u, u = 1. coefficients[0] = (ε log 2, ABSORB, STEP, w).
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
    let numbers = params.coefficients[0];
    let damped = numbers.w * (log2(sum) - potential[row] / numbers.x);
    let exponent = damped - log2(sum);
    if abs(exponent) > numbers.y {
        potential[row] += numbers.x * exponent;
        scaling[row] = 1.0;
    } else {
        // Without a penalty the inverse is exact.
        scaling[row] = select(exp2(exponent), 1.0 / sum, numbers.w == 0.0);
    }
}
