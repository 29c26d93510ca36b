// The term of column j in the exponent, all but its distance, with log2 of its weight; LOWEST for weight 0 and for
// padding.
fn column_term(column: u32) -> f32 {
    return column_weights[column] + params.sharpness * column_potential[column];
}

// The factor of the terms of the column.
fn share(column: u32) -> f32 {
    return 1.0;
}
