// The ratio of a potential to its update, exp((before − after)/ε); coefficients[0].x = log2(e)/ε. The
// exponent is cut at 100: a start that is far off has a huge error, but a finite one.
fn ratio(before: f32, after: f32) -> f32 {
    return exp2(min(params.coefficients[0].x * (before - after), 100.0));
}
