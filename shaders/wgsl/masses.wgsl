// The masses of the plan between groups of rows and groups of columns: adds up the partial masses of `group_sums`, over
// the tiles of each group of rows, their splits and their parts,
//
//     out_{IJ} ← factor Σ masses      groups of rows × groups of columns
//
// for the tiles of this dispatch; out += that sum where params.added is 1.
struct Params {
    // Groups of rows and of columns.
    rows: u32,
    columns: u32,
    // Tiles of 64 rows in all, and those of this dispatch.
    tiles: u32,
    first_tile: u32,
    last_tile: u32,
    splits: u32,
    // Partial masses that a tile has for each split and group.
    parts: u32,
    added: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
// The first tile of each group of rows; after the last one, the number of tiles.
@group(0) @binding(2) var<storage, read> first_tiles: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

const BLOCK: u32 = 64u;

@compute @workgroup_size($WORKGROUP)
fn masses(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.rows * params.columns {
        return;
    }
    let row = id.x / params.columns;
    let column = id.x % params.columns;
    let first = max(first_tiles[row], params.first_tile);
    let end = min(first_tiles[row + 1u], params.last_tile);
    var total = 0.0;
    // First over the splits and parts of a tile, then over the tiles of a block, then over blocks.
    for (var block = first; block < end; block += BLOCK) {
        let block_end = min(block + BLOCK, end);
        var sum = 0.0;
        for (var tile = block; tile < block_end; tile += 1u) {
            var mass = 0.0;
            for (var split = 0u; split < params.splits; split += 1u) {
                let place = ((split * params.tiles + tile) * params.columns + column) * params.parts;
                for (var part = 0u; part < params.parts; part += 1u) {
                    mass += parts[place + part];
                }
            }
            sum += mass;
        }
        total += sum;
    }
    var result = params.factor * total;
    if params.added == 1u {
        result += out[id.x];
    }
    out[id.x] = result;
}
