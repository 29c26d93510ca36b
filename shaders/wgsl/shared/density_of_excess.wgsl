// The strip has costs, lines have potentials, and each density counts by its excess over 1. Terms come from the kernel
// `terms`: the term of the exponent, and the weight outside it.
@group(0) @binding(5) var<storage, read> terms: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read> row_potential: array<f32>;
#import row_term
#import excess

fn column_term(place: u32) -> vec2<f32> {
    return terms[place];
}

// The factor of the terms of the column.
fn share(term: vec2<f32>) -> f32 {
    return term.y;
}

fn density(row: f32, column: vec2<f32>, cost: f32) -> f32 {
    return excess(clamp((row + column.x) - params.decay * cost, -126.0, 126.0));
}
