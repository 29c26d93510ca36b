// Weights come as log2 of them. Only whether a weight is 0 matters.
alias Term = f32;
const NOTHING = LOWEST;
const WEIGHT_ONE = 0.0;

fn term_of(weight: f32, exponent: f32) -> Term {
    return select(LOWEST, exponent, weight > 0.5 * LOWEST);
}
