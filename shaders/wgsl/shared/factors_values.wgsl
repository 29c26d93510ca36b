// Values of the columns, of any width. Results past the width are not stored.
@group(0) @binding(3) var<storage, read> column_values: array<f32>;

fn column_value(column: u32, quad: u32) -> vec4<f32> {
    let first = column * params.width;
    let last = params.width - 1u;
    return vec4(
        column_values[first + 4u * quad],
        column_values[first + min(4u * quad + 1u, last)],
        column_values[first + min(4u * quad + 2u, last)],
        column_values[first + min(4u * quad + 3u, last)],
    );
}
#import factors_of_columns
