// What one dispatch of a kernel over pairs is told. Rows and columns are those of the bound ranges.
struct Params {
    rows: u32,
    // Columns come in groups of 8; this dispatch takes groups first_group to last_group - 1.
    first_group: u32,
    last_group: u32,
    // Workgroups of one y take so many of them.
    groups_per_split: u32,
    // 1: the state in memory is carried on; 0: it is begun.
    carried: u32,
    // 1: the result is written, and not the state.
    finished: u32,
    // Not 0: what an alarm is raised with, and what a fallback waits for.
    token: u32,
    // vec4s of a point, where its dimension is above 4.
    quads: u32,
    // Values a column has, the first of them that is summed, and the last column.
    width: u32,
    channel: u32,
    last_column: u32,
    // Coordinates are multiplied with this: log2(e)/ε to the power 1/p.
    scale: f32,
    // Potentials are multiplied with this: log2(e)/ε.
    sharpness: f32,
    // The scaled cost is multiplied with this: 1, or 0 where ε is infinite.
    decay: f32,
    // φ = factor_one + factor_cost · scaled cost.
    factor_one: f32,
    factor_cost: f32,
    // The last steps of a result: ε log 2, the mean weight and its log2, and the sums between which
    // a guess is one.
    unit: f32,
    mean_weight: f32,
    log_mean_weight: f32,
    least_sum: f32,
    largest_sum: f32,
    // For a general power: p/2 in two parts, and what the cost of unscaled points is multiplied
    // with, log2(e)/ε; their coordinates have a scale of 1.
    power_head: f32,
    power_tail: f32,
    strength: f32,
    // Of a strip: rows between two columns, and the first row of this dispatch.
    height: u32,
    first_row: u32,
    // The first of the bound columns among all.
    first_column: u32,
    // Of a list of near columns: the tile of 64 rows that the bound rows begin with.
    first_tile: u32,
    // Of masses of groups: tiles of rows in all. There the width is the number of groups of columns.
    tiles: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

#import lowest
