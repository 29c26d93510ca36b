// What the numbers of a column are, one record a workgroup: the least, the largest, the sum; the first row that is not finite
// and its number; the first row below 0 and its number. A workgroup of y takes column y.
#import array_params

// As bits, because a NaN need not stay what it is in a float.
@group(0) @binding(1) var<storage, read> array_bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> partials: array<u32>;

const NONE: u32 = 0xffffffffu;
const RECORD: u32 = 7u;
var<workgroup> numbers: array<vec3<f32>, $WORKGROUP>;
var<workgroup> wrong: array<vec4<u32>, $WORKGROUP>;

fn first(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return select(a, b, b.x < a.x);
}

@compute @workgroup_size($WORKGROUP)
fn survey(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var seen = vec3(3.4028234e38, -3.4028234e38, 0.0);
    var not_finite = vec2(NONE, 0u);
    var negative = vec2(NONE, 0u);
    let first_row = workgroup.x * (WORKGROUP * params.steps) + lane;
    for (var step = 0u; step < params.steps; step += 1u) {
        let row = first_row + step * WORKGROUP;
        if row < params.rows {
            let bits = array_bits[params.first + row * params.stride + workgroup.y];
            let found = vec2(params.first_row + row, bits);
            if !is_finite(bits) {
                not_finite = first(not_finite, found);
            } else {
                let value = bitcast<f32>(bits);
                seen = vec3(min(seen.x, value), max(seen.y, value), seen.z + value);
                if value < 0.0 {
                    negative = first(negative, found);
                }
            }
        }
    }
    numbers[lane] = seen;
    wrong[lane] = vec4(not_finite, negative);
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            let own = numbers[lane];
            let other = numbers[lane + half];
            numbers[lane] = vec3(min(own.x, other.x), max(own.y, other.y), own.z + other.z);
            let a = wrong[lane];
            let b = wrong[lane + half];
            wrong[lane] = vec4(first(a.xy, b.xy), first(a.zw, b.zw));
        }
    }
    if lane == 0u {
        let place = RECORD * ((params.first_partial + workgroup.x) * params.columns + workgroup.y);
        partials[place] = bitcast<u32>(numbers[0].x);
        partials[place + 1u] = bitcast<u32>(numbers[0].y);
        partials[place + 2u] = bitcast<u32>(numbers[0].z);
        partials[place + 3u] = wrong[0].x;
        partials[place + 4u] = wrong[0].y;
        partials[place + 5u] = wrong[0].z;
        partials[place + 6u] = wrong[0].w;
    }
}
