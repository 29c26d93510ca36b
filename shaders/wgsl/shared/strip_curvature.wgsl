// Densities times |x − y|^{2(p−2)} ⟨z, x − y⟩ for one direction z a row.
@group(0) @binding(7) var<storage, read> row_directions: array<f32>;
#import slope
#import direction

fn value_at(column: u32) -> f32 {
    return share(column);
}
