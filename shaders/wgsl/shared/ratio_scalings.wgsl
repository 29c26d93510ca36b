// The ratio of a scaling to its update, u s.
fn ratio(scaling: f32, sum: f32) -> f32 {
    return scaling * sum;
}
