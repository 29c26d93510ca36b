// Terms are summed in groups of 8, the sums of 64 groups of an invocation in blocks, those of 64 blocks in
// spans, and these in a row. Both are counted in groups.
const BLOCK: u32 = 64u * $STEPu;
const SPAN: u32 = 64u * BLOCK;
