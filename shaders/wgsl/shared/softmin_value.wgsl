// The softmin of a row whose sum is 2^state.x · state.y, in units of log2(e)/ε: its last step takes
// the unit ε log 2 and the logarithm of the mean weight. A sum is about 1 at least, since its maximum is among its terms; it is
// 0 without terms, where the maximum is LOWEST.
fn softmin_value(state: vec2<f32>, unit: f32, log_mean_weight: f32) -> f32 {
    return -unit * (state.x + (log2(max(state.y, 0.5)) + log_mean_weight));
}
