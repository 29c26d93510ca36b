// Terms are summed within groups of 8, then over the 64 groups of a block, then over blocks. The constants count columns.
const BLOCK: u32 = 512u;
