// out ← Σₖ cₖ vₖ of up to four vectors, or out += that sum where params.added is 1. The kernel does not read a vector
// whose coefficient is 0.
#import vector_params

@group(0) @binding(1) var<storage, read> v_0: array<f32>;
@group(0) @binding(2) var<storage, read> v_1: array<f32>;
@group(0) @binding(3) var<storage, read> v_2: array<f32>;
@group(0) @binding(4) var<storage, read> v_3: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size($WORKGROUP)
fn combine(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if index >= params.length {
        return;
    }
    var sum = 0.0;
    #unroll k 4
    if params.coefficients[0][$k] != 0.0 {
        sum += params.coefficients[0][$k] * v_$k[index];
    }
    #end
    if params.added == 1u {
        sum += out[index];
    }
    out[index] = sum;
}
