// Puts the points of an array into a frame: (x − c) s of each coordinate, with s = params.scale + params.rest; behind a 1 where
// params.lead is 1. A workgroup leaves the largest square of a distance from 0.
#import array_params

@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> centre: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

var<workgroup> terms: array<f32, $WORKGROUP>;

@compute @workgroup_size($WORKGROUP)
fn place(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var largest = 0.0;
    let first_row = workgroup.x * (WORKGROUP * params.steps) + lane;
    for (var step = 0u; step < params.steps; step += 1u) {
        let row = first_row + step * WORKGROUP;
        if row < params.rows {
            let start = row * params.width;
            if params.lead == 1u {
                out[start] = 1.0;
            }
            var square = 0.0;
            for (var k = 0u; k < params.columns; k += 1u) {
                let difference = points[params.first + row * params.stride + k] - centre[k];
                let placed = difference * params.scale + difference * params.rest;
                out[start + params.lead + k] = placed;
                square += placed * placed;
            }
            largest = max(largest, square);
        }
    }
    terms[lane] = largest;
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
