
fn row_term(place: u32) -> f32 {
    if params.potential == 0u {
        return 0.0;
    }
    let point = (place / params.inner) % params.points_of_rows;
    return params.sharpness * row_potential[select(place / params.width, point, params.potential == 1u)];
}
