// The parameters of one dispatch of a kernel over pairs. Rows and columns are those of the bound ranges.
struct Params {
    rows: u32,
    // Columns come in groups of 8; this dispatch takes groups first_group to last_group - 1.
    first_group: u32,
    last_group: u32,
    // How many groups the workgroups of one y take.
    groups_per_split: u32,
    // 1: the dispatch continues from the state in memory; 0: it begins a new one.
    carried: u32,
    // 1: the dispatch writes the result instead of the state.
    finished: u32,
    // Not 0: the value that raises an alarm, and for which a fallback checks.
    token: u32,
    // How many vec4s a point has, where its dimension is above 4.
    quads: u32,
    // How many values a column has, the first that is summed, and the last column.
    width: u32,
    channel: u32,
    last_column: u32,
    // The factor of coordinates: log2(e)/ε to the power 1/p.
    scale: f32,
    // The factor of potentials: log2(e)/ε.
    sharpness: f32,
    // The factor of the scaled cost: 1, or 0 where ε is infinite.
    decay: f32,
    // φ = factor_one + factor_cost · scaled cost.
    factor_one: f32,
    factor_cost: f32,
    // For the last step of a result: ε log 2, the mean weight and its log2, and the limits of the sum
    // of a good guess.
    unit: f32,
    mean_weight: f32,
    log_mean_weight: f32,
    least_sum: f32,
    largest_sum: f32,
    // For a general power: p/2 in two parts, and the factor log2(e)/ε of the cost of unscaled points,
    // whose coordinates have a scale of 1.
    power_head: f32,
    power_tail: f32,
    strength: f32,
    // Of a strip: its height in rows, and the first row of this dispatch.
    height: u32,
    first_row: u32,
    // The index of the first bound column among all.
    first_column: u32,
    // Of a near list: the tile of 64 rows with which the bound rows begin.
    first_tile: u32,
    // Of masses of groups: the number of tiles of rows. Their width is the number of groups of columns.
    tiles: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

#import lowest
