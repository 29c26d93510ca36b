// 2^s − 1 for s from -126 to 126, with s = n + r and n whole,
//
//     2^n (2^r − 1) + (2^n − 1),   2^r − 1 = Σₖ (r ln 2)^k/k!   for k from 1 to 7
//
// with a relative error of 1.5e-8 in addition to rounding. Where n is 0 nothing is added, so that no compiler can
// move the 1 into the sum.
fn excess(s: f32) -> f32 {
    let n = round(s);
    let r = s - n;
    let of_rest = r * (0.693147181 + r * (0.240226507 + r * (0.0555041087 + r * (0.00961812911
        + r * (0.00133335581 + r * (0.000154035304 + r * 0.0000152527338))))));
    let power = bitcast<f32>(u32(i32(n) + 127) << 23u);
    return select(power * of_rest + (power - 1.0), of_rest, n == 0.0);
}
