// The softmin of a row whose sum is 2^state.x · state.y, in units of log2(e)/ε: the last step multiplies by ε log 2 and
// adds the logarithm of the mean weight. A sum without terms, possible with a near list, is 2^LOWEST.
fn softmin_value(state: vec2<f32>, unit: f32, log_mean_weight: f32) -> f32 {
    let sum = select(1.0, state.y, state.y > 0.0);
    return -unit * (state.x + (log2(sum) + log_mean_weight));
}
