// The softmin of a row whose sum was taken relative to a guess of it.
fn guessed_value(guess: f32, sum: f32, unit: f32, log_mean_weight: f32) -> f32 {
    return guess - unit * (log2(sum) + log_mean_weight);
}

// Whether a sum is NaN, or so far from 1 that powers left the range of a float. Then the guess
// failed.
fn fails(sum: f32, least: f32, largest: f32) -> bool {
    return !(sum >= least && sum <= largest);
}
