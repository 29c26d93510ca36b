// p = 1: the scaled cost at a squared scaled distance.
fn cost(squared_distance: f32) -> f32 {
    return sqrt(squared_distance);
}
