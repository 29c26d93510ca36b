// Puts an update into a slot of a history and measures it, for weights a over their mean:
//
//     rᵢ = afterᵢ − beforeᵢ,   the marginal's error,   Σᵢ aᵢ afterᵢ   and   Σᵢ rᵢ rₗᵢ
//
// over points of positive weight, for the 16 slots l from params.channel on, of params.width slots in all. A workgroup
// takes params.splits points an invocation and writes 18 partial sums; a workgroup of y takes line y of params.lines.
#import vector_params
#import excess
#import excess_of_potentials

@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read> after: array<f32>;
@group(0) @binding(4) var<storage, read_write> residuals: array<f32>;
@group(0) @binding(5) var<storage, read_write> images: array<f32>;
@group(0) @binding(6) var<storage, read_write> partials: array<f32>;

const WORKGROUP: u32 = $WORKGROUPu;
const SUMS: u32 = 18u;
var<workgroup> terms: array<f32, $TERMS>;

@compute @workgroup_size($WORKGROUP)
fn remember(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var error = 0.0;
    var mean = 0.0;
    #unroll l 16
    var product_$l = 0.0;
    #end
    let first_row = workgroup.x * (WORKGROUP * params.splits) + lane;
    for (var step = 0u; step < params.splits; step += 1u) {
        let row = first_row + step * WORKGROUP;
        if row < params.length {
            let place = row * params.lines + workgroup.y;
            let residual = after[place] - before[place];
            let history = place * params.width;
            residuals[history + params.slot] = residual;
            images[history + params.slot] = after[place];
            let weight = weights[place];
            if weight > 0.0 {
                error += weight * abs(excess_of_potentials(before[place], after[place]));
                mean += weight * after[place];
                #unroll l 16
                if params.channel + $lu < params.width {
                    product_$l += residual * residuals[history + params.channel + $lu];
                }
                #end
            }
        }
    }

    terms[lane * SUMS] = error;
    terms[lane * SUMS + 1u] = mean;
    #unroll l 16
    terms[lane * SUMS + 2u + $lu] = product_$l;
    #end
    workgroupBarrier();
    for (var place = lane; place < SUMS; place += WORKGROUP) {
        var sum = 0.0;
        for (var other = 0u; other < WORKGROUP; other += 1u) {
            sum += terms[other * SUMS + place];
        }
        let first = (params.first_partial + workgroup.x) * params.lines + workgroup.y;
        partials[first * SUMS + place] = sum;
    }
}
