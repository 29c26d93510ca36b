// Writes the numbers of a vector into an array of the caller's: offset + s aᵢ vᵢₖ, where a row is divided by its first number
// where params.lead is 1. Points of weight 0 get the offset. A workgroup leaves 1 where a number is not finite, and 0 elsewhere.
#import array_params

@group(0) @binding(1) var<storage, read> vector: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> offsets: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

var<workgroup> terms: array<f32, $WORKGROUP>;

@compute @workgroup_size($WORKGROUP)
fn write(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var wrong = 0.0;
    let first_row = workgroup.x * (WORKGROUP * params.steps) + lane;
    for (var step = 0u; step < params.steps; step += 1u) {
        let row = first_row + step * WORKGROUP;
        if row < params.rows {
            var factor = params.scale;
            if params.weighted == 1u {
                factor *= weights[row];
            }
            let source = row * params.width;
            for (var k = 0u; k < params.columns; k += 1u) {
                var value = 0.0;
                if params.weighted == 0u || weights[row] > 0.0 {
                    value = vector[source + params.lead + k];
                    if params.lead == 1u {
                        value /= vector[source];
                    }
                    value *= factor;
                }
                if params.moved == 1u {
                    value += offsets[k];
                }
                if !is_finite(bitcast<u32>(value)) {
                    wrong = 1.0;
                }
                out[params.first + row * params.stride + k] = value;
            }
        }
    }
    terms[lane] = wrong;
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            terms[lane] = max(terms[lane], terms[lane + half]);
        }
    }
    if lane == 0u {
        partials[params.first_partial + workgroup.x] = terms[0];
    }
}
