// Partial sums of Σᵢ aᵢ |rᵢ/aᵢ − e^{−fᵢ/ρ}|, one a workgroup, for weights over their mean; a workgroup of y takes line y
// of params.lines. The importer's fragment computes the excess of an element, and binds its vectors and
// the partials.
#import vector_params
#import workgroup_sum
#import marginal

@group(0) @binding(1) var<storage, read> weights: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn marginal_error(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = id.x * params.lines + workgroup.y;
    var term = 0.0;
    if id.x < params.length && weights[place] > 0.0 {
        term = weights[place] * abs(excess(place));
    }
    let sum = workgroup_sum(lane, term);
    if lane == 0u {
        partials[(params.first_partial + workgroup.x) * params.lines + workgroup.y] = sum;
    }
}
