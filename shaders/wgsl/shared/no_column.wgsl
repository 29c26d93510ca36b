// Stands for no column.
const NO_COLUMN: u32 = 0xffffffffu;
