// One value a column, and a state of four coordinates of a gradient, from params.channel on.
#import parts
#import slope

@group(0) @binding(8) var<storage, read> column_values: array<f32>;

fn value_at(column: u32) -> f32 {
    return column_values[min(column, params.last_column)];
}
