// One direction a row, and a state of four coordinates of a curvature, from params.channel on.
#import parts
#import slope

@group(0) @binding(8) var<storage, read> row_directions: array<f32>;

fn value_at(column: u32) -> f32 {
    return 1.0;
}

// Four coordinates of the direction of a row. What lies past the width belongs to coordinates that
// are 0 in every point.
fn direction(row: u32, first: u32) -> vec4<f32> {
    let begin = row * params.width;
    let last = params.width - 1u;
    return vec4(
        row_directions[begin + first],
        row_directions[begin + min(first + 1u, last)],
        row_directions[begin + min(first + 2u, last)],
        row_directions[begin + min(first + 3u, last)],
    );
}
