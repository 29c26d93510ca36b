// The masses of the plan between groups of rows and groups of columns, from the sums of `group_sums` at the guess and the
// result of the softmin,
//
//     out_{IJ} ← factor Σ aᵢ exp((λ resultᵢ − guessᵢ)/ε) Σ sums      i in I; groups of rows × groups of columns
//
// over the rows of this dispatch and all splits; out += that sum where params.added is 1.
struct Params {
    // Groups of rows and of columns.
    rows: u32,
    columns: u32,
    // Rows of whole tiles, and the rows of this dispatch.
    stride: u32,
    first_row: u32,
    last_row: u32,
    splits: u32,
    added: u32,
    factor: f32,
    // log₂(e)/ε.
    sharpness: f32,
    // λ.
    damping: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
// The first row of each group; after the last one, the number of rows.
@group(0) @binding(2) var<storage, read> first_rows: array<u32>;
// The weights of rows over their mean.
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read> guess: array<f32>;
@group(0) @binding(5) var<storage, read> result: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<f32>;

const BLOCK: u32 = 64u;

@compute @workgroup_size($WORKGROUP)
fn masses(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.rows * params.columns {
        return;
    }
    let group = id.x / params.columns;
    let column = id.x % params.columns;
    let first = max(first_rows[group], params.first_row);
    let end = min(first_rows[group + 1u], params.last_row);
    var total = 0.0;
    // First over the splits of a row, then over the rows of a block, then over blocks.
    for (var block = first; block < end; block += BLOCK) {
        let block_end = min(block + BLOCK, end);
        var sum = 0.0;
        for (var row = block; row < block_end; row += 1u) {
            var of_row = 0.0;
            for (var split = 0u; split < params.splits; split += 1u) {
                of_row += sums[(split * params.columns + column) * params.stride + row];
            }
            // What a group of columns lacks altogether stays 0, whatever the factor.
            if weights[row] > 0.0 && of_row > 0.0 {
                sum += weights[row] * of_row * exp2(params.sharpness * (params.damping * result[row] - guess[row]));
            }
        }
        total += sum;
    }
    var mass = params.factor * total;
    if params.added == 1u {
        mass += out[id.x];
    }
    out[id.x] = mass;
}
