// The sum of two (maximum, sum) states.
fn joined(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    let highest = max(a.x, b.x);
    return vec2(highest, a.y * exp2(a.x - highest) + b.y * exp2(b.x - highest));
}
