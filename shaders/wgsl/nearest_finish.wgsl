// The last step of nearest: of the states of each row, the one with the least value; of equal ones, the one with the first column.
#import vector_params

@group(0) @binding(1) var<storage, read> state: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2<u32>>;

@compute @workgroup_size($WORKGROUP)
fn nearest_finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.length {
        return;
    }
    var found = state[row];
    for (var split = 1u; split < params.splits; split += 1u) {
        let other = state[split * params.length + row];
        let least = bitcast<f32>(found.x);
        let value = bitcast<f32>(other.x);
        if value < least || (value == least && other.y < found.y) {
            found = other;
        }
    }
    out[row] = found;
}
