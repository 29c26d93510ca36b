// Weights as they are, 0 for padding, outside the exponent: inside it they would cost digits of a density
// near 1.
fn column_term(column: u32) -> f32 {
    return params.sharpness * column_potential[column];
}

// The factor of the terms of the column.
fn share(column: u32) -> f32 {
    return column_weights[column];
}
