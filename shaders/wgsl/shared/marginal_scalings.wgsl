// A scaling u beside the potential f that has absorbed its past, and the sums s that u is updated
// with: the ratio u s less e^{−(f + ε log u)/ρ}. coefficients[0] = (ε/ρ, log2(e)/ρ, ·, ·).
@group(0) @binding(2) var<storage, read> potential: array<f32>;
@group(0) @binding(3) var<storage, read> scaling: array<f32>;
@group(0) @binding(4) var<storage, read> sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

fn excess(row: u32) -> f32 {
    let wanted = -params.coefficients[0].y * potential[row] - params.coefficients[0].x * log2(scaling[row]);
    return scaling[row] * sums[row] - exp2(min(wanted, 100.0));
}
