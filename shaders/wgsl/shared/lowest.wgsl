// Stands for minus infinity among exponents: fast-math promises nothing about infinities.
const LOWEST: f32 = -1e30;
