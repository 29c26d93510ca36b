// Weights as log2 of them; LOWEST for weight 0 and for padding: log2 of what column j brings to a sum, but
// for its distance.
fn column_term(column: u32) -> f32 {
    return column_weights[column] + params.sharpness * column_potential[column];
}

// What a term of the column is multiplied with.
fn share(column: u32) -> f32 {
    return 1.0;
}
