// Points of dimension 1: their type in memory, and their type in computations.
alias Stored = f32;
alias Point = f32;

fn point(stored: Stored) -> Point {
    return stored;
}

fn squared(difference: Point) -> f32 {
    return difference * difference;
}

fn coordinates(point: Point) -> vec4<f32> {
    return vec4(point, 0.0, 0.0, 0.0);
}
