// Points of dimension 3: as they lie in memory, and as they are computed with.
alias Stored = vec4<f32>;
alias Point = vec3<f32>;

fn point(stored: Stored) -> Point {
    return stored.xyz;
}

fn squared(difference: Point) -> f32 {
    return dot(difference, difference);
}

fn coordinates(point: Point) -> vec4<f32> {
    return vec4(point, 0.0);
}
