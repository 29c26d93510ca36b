// Densities times one value a column and |x − y|^{p−2}.
@group(0) @binding(7) var<storage, read> column_values: array<f32>;
#import slope

fn value_at(column: u32) -> f32 {
    return share(column) * column_values[min(column, params.last_column)];
}
