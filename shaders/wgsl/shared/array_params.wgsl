// What one dispatch over the rows of an array is told: the part of the caller's buffer that is bound, and what it is read into
// or written from.
struct Params {
    // Rows of this dispatch, numbers of each, where the first one lies, and from one row to the next.
    rows: u32,
    columns: u32,
    first: u32,
    stride: u32,
    // The first row of the dispatch among all, where its partial results begin, and rows of an invocation.
    first_row: u32,
    first_partial: u32,
    steps: u32,
    // Numbers of a row on the other side, and those before its first column.
    width: u32,
    lead: u32,
    // Elements on the other side, rows and what is behind them.
    elements: u32,
    // 1: weights, or offsets, have a part in it.
    weighted: u32,
    moved: u32,
    // A factor, and what is left of it.
    scale: f32,
    rest: f32,
}

@group(0) @binding(0) var<uniform> params: Params;

const WORKGROUP: u32 = $WORKGROUPu;

// NaN and infinity have all bits of the exponent, which no compiler may reason away.
fn is_finite(bits: u32) -> bool {
    return (bits & 0x7f800000u) != 0x7f800000u;
}
