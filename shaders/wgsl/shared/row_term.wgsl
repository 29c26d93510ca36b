
fn row_term(place: u32) -> f32 {
    return select(0.0, params.sharpness * row_potential[place], params.potential == 1u);
}
