// Weights as they are, 0 for padding, beside the exponent: in it they would take the digits of a density
// near 1.
fn column_term(column: u32) -> f32 {
    return params.sharpness * column_potential[column];
}

// What a term of the column is multiplied with.
fn share(column: u32) -> f32 {
    return column_weights[column];
}
