// Terms are summed in groups of 8, the sums of 64 groups in blocks, and these in a row. In columns.
const BLOCK: u32 = 512u;
