// p between 0 and 2: the scaled cost at a squared distance s = 2^e m, √½ ≤ m < √2,
//
//     s^h = 2^(h e + h log2 m),   h = p/2 = head + tail,
//     log2 m = 2/ln 2 (z + z³/3 + z⁵/5 + …),   z = (m − 1)/(m + 1)
//
// without the device's log2, whose error may be 2^-21. The head is so short that head·e
// is exact, and only terms of size 1 are rounded. Subnormal numbers count as 0.
fn cost(squared_distance: f32) -> f32 {
    let bits = bitcast<u32>(squared_distance) + 0x4afb0du;
    let e = f32(i32(bits >> 23u) - 127);
    let m = bitcast<f32>((bits & 0x7fffffu) + 0x3f3504f3u);
    let z = (m - 1.0) / (m + 1.0);
    let z2 = z * z;
    let series = 2.88539008 + z2 * (0.961796694 + z2 * (0.577078016
        + z2 * (0.412198583 + z2 * 0.320598898)));
    let rest = params.power_tail * e + (params.power_head + params.power_tail) * (z * series);
    let whole = params.power_head * e;
    let n = round(whole + rest);
    let scale = bitcast<f32>(u32(i32(n) + 127) << 23u);
    let power = scale * exp2((whole - n) + rest);
    return select(0.0, params.strength * power, squared_distance >= 1.17549435e-38);
}
