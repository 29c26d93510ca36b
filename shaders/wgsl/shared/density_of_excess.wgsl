// The strip has costs, lines have potentials, and of each density what it exceeds 1 by counts. Terms are what columns bring to
// an exponent, and beside it their weight, as the kernel `terms` has left them.
@group(0) @binding(5) var<storage, read> terms: array<vec2<f32>>;
@group(0) @binding(6) var<storage, read> row_potential: array<f32>;
#import row_term
#import excess

fn column_term(place: u32) -> vec2<f32> {
    return terms[place];
}

// What a term of the column is multiplied with.
fn share(term: vec2<f32>) -> f32 {
    return term.y;
}

fn density(row: f32, column: vec2<f32>, cost: f32) -> f32 {
    return excess(clamp((row + column.x) - params.decay * cost, -126.0, 126.0));
}
