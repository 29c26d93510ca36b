// What a column brings to an exponent, as the kernel `terms` has left it.
@group(0) @binding(3) var<storage, read> column_terms: array<f32>;

fn column_term(column: u32) -> f32 {
    return column_terms[column];
}

// What a term of the column is multiplied with.
fn share(column: u32) -> f32 {
    return 1.0;
}
