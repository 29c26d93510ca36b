// Partial sums of ⟨v, w⟩, one a workgroup.
#import vector_params
#import workgroup_sum

@group(0) @binding(1) var<storage, read> v: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn inner_product(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = id.x;
    var term = 0.0;
    if index < params.length {
        term = v[index] * w[index];
    }
    let sum = workgroup_sum(lane, term);
    if lane == 0u {
        partials[params.first_partial + workgroup.x] = sum;
    }
}
