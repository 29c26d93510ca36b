// Weights over their mean, w s, and the logarithms of them; all 1 where params.weighted is 0. Behind the last row are points
// without weight. An invocation takes one.
#import array_params
#import lowest

@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> relative: array<f32>;
@group(0) @binding(3) var<storage, read_write> logarithms: array<f32>;

// log2 of a normal number, off by two roundings of itself or of 1/4: a device's own may be off by eight.
fn logarithm(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    var exponent = f32(i32(bits >> 23u) - 127);
    var mantissa = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u);
    if mantissa > 1.41421356 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    return exponent + s * (2.88539008 + square * (0.961796694 + square * (0.577078016
        + square * (0.412198583 + square * (0.320598898 + square * 0.262308189)))));
}

@compute @workgroup_size($WORKGROUP)
fn weigh(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if index >= params.elements {
        return;
    }
    var weight = 0.0;
    if index < params.rows {
        weight = 1.0;
        if params.weighted == 1u {
            weight = weights[params.first + index * params.stride] * params.scale;
        }
    }
    // What is below all normal numbers may be 0 to a device.
    if weight < 1.1754944e-38 {
        relative[index] = 0.0;
        logarithms[index] = LOWEST;
    } else {
        relative[index] = weight;
        logarithms[index] = logarithm(weight);
    }
}
