// Means that there is no column.
const NO_COLUMN: u32 = 0xffffffffu;
