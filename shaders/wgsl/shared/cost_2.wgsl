// p = 2: the scaled cost at a squared scaled distance.
fn cost(squared_distance: f32) -> f32 {
    return squared_distance;
}
