// |x − y|^{p − 2} in scaled units, from the squared scaled distance and the scaled cost; 0 where both points
// coincide.
fn slope(squared_distance: f32, cost: f32) -> f32 {
    return cost / max(squared_distance, 1.17549435e-38);
}
