// The end of a softmin whose result was guessed: adds the splits of each row,
//
//     outᵢ = guessᵢ − ε (log 2) (log2 Σ + log2 mean weight).
//
// Where the guess was too far off, the kernel raises the alarm, and the kernel with a running maximum, which
// checks it, computes all rows again.
// coefficients[0] = (ε log 2, log2 mean weight, least sum, largest sum).
#import vector_params
#import guessed_value

@group(0) @binding(1) var<storage, read> state: array<f32>;
@group(0) @binding(2) var<storage, read> guess: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> alarm: array<u32>;

@compute @workgroup_size($WORKGROUP)
fn guessed_finish(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.length {
        return;
    }
    #import sum_of_splits
    if fails(sum, params.coefficients[0].z, params.coefficients[0].w) {
        alarm[0] = params.token;
    }
    out[row] = guessed_value(guess[row], sum, params.coefficients[0].x, params.coefficients[0].y);
}
