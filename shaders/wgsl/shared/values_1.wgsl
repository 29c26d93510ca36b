// One value a column.
#import parts

@group(0) @binding(8) var<storage, read> column_values: array<f32>;

fn value_at(column: u32) -> Value {
    return share(column) * column_values[min(column, params.last_column) * params.width + params.channel];
}
