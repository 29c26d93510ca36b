// Weights come as log2 of them, and have no part in it but that 0 counts for nothing.
alias Term = f32;
const NOTHING = LOWEST;
const WEIGHT_ONE = 0.0;

fn term_of(weight: f32, exponent: f32) -> Term {
    return select(LOWEST, exponent, weight > 0.5 * LOWEST);
}
