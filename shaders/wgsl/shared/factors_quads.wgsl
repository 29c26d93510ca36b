// Values of the columns, in whole quads.
@group(0) @binding(3) var<storage, read> column_values: array<vec4<f32>>;

fn column_value(column: u32, quad: u32) -> vec4<f32> {
    return column_values[column * params.quads + quad];
}
#import factors_of_columns
