// Points of dimension 2: their type in memory, and their type in computations.
alias Stored = vec2<f32>;
alias Point = vec2<f32>;

fn point(stored: Stored) -> Point {
    return stored;
}

fn squared(difference: Point) -> f32 {
    return dot(difference, difference);
}

fn coordinates(point: Point) -> vec4<f32> {
    return vec4(point, 0.0, 0.0);
}
