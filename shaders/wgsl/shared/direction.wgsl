// Four coordinates of the direction of a row. Those past the width go with coordinates that
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
