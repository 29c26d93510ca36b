// The potential of a column of positive weight; LOWEST for weight 0 and for padding.
fn column_term(column: u32) -> f32 {
    let counts = column_weights[column] > 0.5 * LOWEST;
    return select(LOWEST, params.sharpness * column_potential[column], counts);
}
