// The strip has costs, and lines have potentials. Terms come from the kernel `terms` and include the logarithm of the
// weight.
@group(0) @binding(5) var<storage, read> terms: array<f32>;
@group(0) @binding(6) var<storage, read> row_potential: array<f32>;
#import row_term

fn column_term(place: u32) -> f32 {
    return terms[place];
}

// The factor of the terms of the column.
fn share(term: f32) -> f32 {
    return 1.0;
}

fn density(row: f32, column: f32, cost: f32) -> f32 {
    return exp2(min((row + column) - params.decay * cost, 126.0)) * (params.factor_one + params.factor_cost * cost);
}
