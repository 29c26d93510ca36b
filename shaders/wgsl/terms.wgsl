// The terms of columns in the exponents, all but the distances, from weights b and potentials g and in their
// layout, outer × points × inner,
//
//     log2 b + sharpness · g
//
// or another term, by the importer's fragment. LOWEST stands for weight 0 and for padding after the last
// number.
struct Params {
    // Terms of this dispatch, from the first one on, and numbers in all.
    length: u32,
    first: u32,
    numbers: u32,
    // Points of a line, and lines side by side.
    points: u32,
    inner: u32,
    // 0: all weights are 1; 1: those of one line serve all; 2: each line has its own.
    weights: u32,
    // 0: all potentials are 0; 1: those of one line serve all; 2: each line has its own.
    potential: u32,
    // The factor of potentials: log2(e)/ε.
    sharpness: f32,
    // How many neighbouring lines share a weight and a potential, where lines have their own.
    width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#import lowest
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> potential: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<Term>;
#import term_of

@compute @workgroup_size($WORKGROUP)
fn terms(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.length {
        return;
    }
    let index = params.first + id.x;
    var term = NOTHING;
    if index < params.numbers {
        let point = (index / params.inner) % params.points;
        var weight = WEIGHT_ONE;
        if params.weights == 1u {
            weight = weights[point];
        } else if params.weights == 2u {
            weight = weights[index / params.width];
        }
        var exponent = 0.0;
        if params.potential == 1u {
            exponent = params.sharpness * potential[point];
        } else if params.potential == 2u {
            exponent = params.sharpness * potential[index / params.width];
        }
        term = term_of(weight, exponent);
    }
    out[index] = term;
}
