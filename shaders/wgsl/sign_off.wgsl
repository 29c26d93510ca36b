// Writes a token that tells the host that the work before it was done: a driver may report a
// command buffer that it killed as finished.
#import vector_params

@group(0) @binding(1) var<storage, read_write> done: array<u32>;

@compute @workgroup_size(1)
fn sign_off() {
    done[0] = params.token;
}
