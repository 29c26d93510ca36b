// A potential f and its update λ T, λ = ρ/(ρ + ε): the ratio exp((f − T)/ε) less e^{−f/ρ}, where
// (f − T)/ε = (f − λ T)(1/ε + 1/ρ) − f/ρ. coefficients[0] = log2(e) (1/ε + 1/ρ, 1/ρ, ·, ·).
// Exponents are cut at 100: the error of a start that is far off is huge, but finite.
fn excess_of_potentials(before: f32, after: f32) -> f32 {
    let wanted = -params.coefficients[0].y * before;
    let ratio = params.coefficients[0].x * (before - after);
    let scale = exp2(min(wanted, 100.0));
    // Near 1 both have the same digits, and the difference has those of the exponent.
    let near = scale * excess(clamp(ratio, -1.0, 1.0));
    return select(exp2(min(ratio + wanted, 100.0)) - scale, near, abs(ratio) < 1.0);
}
