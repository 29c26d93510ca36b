// The coordinates of a row minus those of a column.
@group(0) @binding(3) var<storage, read> column_points: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> row_points: array<vec4<f32>>;

fn column_value(column: u32, quad: u32) -> vec4<f32> {
    return column_points[column * params.quads + quad];
}

fn row_value(row: u32, quad: u32) -> vec4<f32> {
    return row_points[row * params.quads + quad];
}

fn term(row: vec4<f32>, column: vec4<f32>) -> vec4<f32> {
    return row - column;
}
