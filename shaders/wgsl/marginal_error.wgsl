// Partial sums of Σᵢ aᵢ |rᵢ/aᵢ − e^{−fᵢ/ρ}|, one a workgroup, for weights over their mean. What the
// excess of a row is made of, the importer's fragment tells; it binds its vectors and the partials.
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
    let row = id.x;
    var term = 0.0;
    if row < params.length && weights[row] > 0.0 {
        term = weights[row] * abs(excess(row));
    }
    let sum = workgroup_sum(lane, term);
    if lane == 0u {
        partials[params.first_partial + workgroup.x] = sum;
    }
}
