// What a column brings to an exponent, and beside it its weight, as the kernel `terms` has left them.
@group(0) @binding(3) var<storage, read> column_terms: array<vec2<f32>>;

fn column_term(column: u32) -> f32 {
    return column_terms[column].x;
}

// What a term of the column is multiplied with.
fn share(column: u32) -> f32 {
    return column_terms[column].y;
}
