// Terms are summed within groups of 8, then over the 64 groups of a block, the 64 blocks of a span, and the spans of an
// invocation. Both constants count groups.
const BLOCK: u32 = 64u * $STEPu;
const SPAN: u32 = 64u * BLOCK;
