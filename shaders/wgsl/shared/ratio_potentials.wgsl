// A potential f and its update λ T, λ = ρ/(ρ + ε): the ratio exp((f − T)/ε) less e^{−f/ρ}, where
// (f − T)/ε = (f − λ T)(1/ε + 1/ρ) − f/ρ. coefficients = log2(e) (1/ε + 1/ρ, 1/ρ, ·, ·). Exponents
// are cut at 100: a start that is far off has a huge error, but a finite one.
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read> after: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

fn excess(row: u32) -> f32 {
    let wanted = -params.coefficients.y * before[row];
    let ratio = params.coefficients.x * (before[row] - after[row]) + wanted;
    return exp2(min(ratio, 100.0)) - exp2(min(wanted, 100.0));
}
