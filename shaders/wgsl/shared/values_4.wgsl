// Four values a column, from params.channel on; results past the width are not stored.
#import parts

@group(0) @binding(8) var<storage, read> column_values: array<f32>;

fn value_at(column: u32) -> Value {
    let first = min(column, params.last_column) * params.width;
    let last = params.width - 1u;
    return vec4(
        column_values[first + params.channel],
        column_values[first + min(params.channel + 1u, last)],
        column_values[first + min(params.channel + 2u, last)],
        column_values[first + min(params.channel + 3u, last)],
    );
}
