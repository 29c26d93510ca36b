// The parameters of one dispatch of a kernel over lines. A vector over n points has outer × n × inner numbers: line
// l = (o, i) = (l / inner, l mod inner) has those at (o · n + point) · inner + i. One strip of pairs serves all lines.
struct Params {
    // Points of rows and of columns, and lines, in all.
    points_of_rows: u32,
    points_of_columns: u32,
    lines: u32,
    inner: u32,
    // The rows and columns of the strip, and their first ones among all; column j of the strip begins at j · height.
    rows: u32,
    columns: u32,
    first_row: u32,
    first_column: u32,
    height: u32,
    // The first line of this dispatch.
    first_line: u32,
    // How many workgroups of y share the columns of a split, and how many columns each takes, a multiple of 8.
    blocks: u32,
    columns_per_split: u32,
    // 1: the dispatch continues from the state in memory; 0: it begins a new one.
    carried: u32,
    // 1: the dispatch writes the result instead of the state.
    finished: u32,
    // 0: the potentials of rows are 0; 1: those of one line serve all; 2: each line has its own.
    potential: u32,
    // The factor of potentials: log2(e)/ε.
    sharpness: f32,
    // The factor of the scaled cost: 1, or 0 where ε is infinite.
    decay: f32,
    // φ = factor_one + factor_cost · scaled cost.
    factor_one: f32,
    factor_cost: f32,
    // For the last step of a result: ε log 2, the mean weight and its log2.
    unit: f32,
    mean_weight: f32,
    log_mean_weight: f32,
    // How many neighbouring lines share a potential of the rows, where lines have their own.
    width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
#import lowest
