// The term of a column in the exponent, and its weight outside it, from the kernel `terms`.
@group(0) @binding(3) var<storage, read> column_terms: array<vec2<f32>>;

fn column_term(column: u32) -> f32 {
    return column_terms[column].x;
}

// The factor of the terms of the column.
fn share(column: u32) -> f32 {
    return column_terms[column].y;
}
