// Weights as they are, outside the exponent: inside it they would cost digits of a density near 1.
alias Term = vec2<f32>;
const NOTHING = vec2(0.0, 0.0);
const WEIGHT_ONE = 1.0;

fn term_of(weight: f32, exponent: f32) -> Term {
    return vec2(exponent, weight);
}
