// The term of a column in the exponent, from the kernel `terms`.
@group(0) @binding(3) var<storage, read> column_terms: array<f32>;

fn column_term(column: u32) -> f32 {
    return column_terms[column];
}

// The factor of the terms of the column.
fn share(column: u32) -> f32 {
    return 1.0;
}
