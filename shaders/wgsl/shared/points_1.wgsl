// Points of dimension 1: as they lie in memory, and as they are computed with.
alias Stored = f32;
alias Point = f32;

fn point(stored: Stored) -> Point {
    return stored;
}

fn squared(difference: Point) -> f32 {
    return difference * difference;
}
