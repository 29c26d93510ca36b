// The softmin of a row whose sum is 2^state.x · state.y, in units of log2(e)/ε: its last step takes
// the unit ε log 2 and the logarithm of the mean weight.
fn softmin_value(state: vec2<f32>, unit: f32, log_mean_weight: f32) -> f32 {
    return -unit * (state.x + (log2(state.y) + log_mean_weight));
}
