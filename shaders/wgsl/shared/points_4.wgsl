// Points of dimension 4: their type in memory, and their type in computations.
alias Stored = vec4<f32>;
alias Point = vec4<f32>;

fn point(stored: Stored) -> Point {
    return stored;
}

fn squared(difference: Point) -> f32 {
    return dot(difference, difference);
}

fn coordinates(point: Point) -> vec4<f32> {
    return point;
}
