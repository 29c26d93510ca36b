//! Numbers for people, on a terminal and on pages. Nothing else in the program turns a number into text; files and
//! JSON keep every digit.
//!
//! - A value has the digits that its bounds support, and the bounds are rounded outwards: the interval that is printed
//!   contains the one that was proved ([`Certified`]).
//! - A parameter or a size has four digits ([`short`]), an error two, rounded up ([`error`]).
//! - Numbers from 10⁻⁴ to below 10⁶ have no exponent. Zero is `0`, without a sign, and only the digits of a
//!   [`Certified`] value keep their trailing zeros, which are significant there.
//! - Counts are written without separators, amounts of work in Gpairs, 10⁹ pairs of points.
//!
//! [`finite`] and [`whole`] are for JSON, which has no infinity and distinguishes 2 from 2.0.

use haul::Bounds;
use std::fmt::{self, Display, Formatter};

/// The most significant digits that a number is written with.
const MOST_DIGITS: i32 = 10;

/// Powers of ten that are written without an exponent.
const PLAIN: std::ops::Range<i32> = -4..6;

/// A value and its bounds, written with equally many decimals.
///
/// The last decimal is that of the second significant digit of the larger distance from the value to a bound: the
/// last two printed digits of the value are uncertain. A value that is smaller than its uncertainty keeps one digit.
/// A value that rounding left outside of its bounds is written as the nearer bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certified {
    pub(crate) value: String,
    /// Rounded down.
    pub(crate) lower: String,
    /// Rounded up.
    pub(crate) upper: String,
}

impl Certified {
    pub(crate) fn new(value: f64, Bounds { lower, upper }: Bounds) -> Self {
        let value = value.max(lower).min(upper);
        let place = last_place(value, lower, upper);
        let written = |number: f64, toward| match number.is_finite() {
            true => Decimal::rounded(number, place, toward).to_string(),
            false => infinite(number),
        };
        Self {
            value: written(value, Toward::Nearest),
            lower: written(lower, Toward::Down),
            upper: written(upper, Toward::Up),
        }
    }

    /// Both bounds: `(between 0.13012 and 0.13132)`.
    pub(crate) fn between(&self) -> String {
        format!("(between {} and {})", self.lower, self.upper)
    }
}

/// The power of ten of the last digit that bounds support.
fn last_place(value: f64, lower: f64, upper: f64) -> i32 {
    let own = (value != 0.0 && value.is_finite()).then(|| exponent(value));
    let off = (value - lower).max(upper - value);
    let supported = match (off.is_finite(), own) {
        (true, _) if off > 0.0 => exponent(off) - 1,
        (true, _) => i32::MIN,
        // Without bounds no digit is certain; two are enough to see the size.
        (false, own) => own.map_or(0, |own| own - 1),
    };
    let all = [value, lower, upper].into_iter();
    let largest = all.filter(|number| number.is_finite() && *number != 0.0);
    let largest = largest.map(exponent).max().unwrap_or(0);
    let finest = largest - (MOST_DIGITS - 1);
    supported.min(own.unwrap_or(i32::MAX)).max(finest)
}

/// A size, a computed parameter, a count that is not an integer: four digits.
pub(crate) fn short(value: f64) -> String {
    significant(value, 4)
}

/// A number with this many significant digits, and at least all digits before the decimal point; without trailing
/// zeros.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    rounded(value, digits, Toward::Nearest)
}

/// An error, a gap, a computed tolerance: two digits, rounded up, so that the printed number is a bound.
pub(crate) fn error(value: f64) -> String {
    rounded(value, 2, Toward::Up)
}

/// A value that is certain up to an error: its digits down to the first one of the error.
pub(crate) fn within(value: f64, error: f64) -> String {
    match value.is_finite() && error.is_normal() {
        true => Decimal::rounded(value, exponent(error), Toward::Nearest).to_string(),
        false => short(value),
    }
}

fn rounded(value: f64, digits: i32, toward: Toward) -> String {
    if !value.is_finite() {
        return infinite(value);
    }
    let exponent = exponent(value);
    let place = exponent + 1 - digits;
    let place = if exponent < PLAIN.end {
        place.min(0)
    } else {
        place
    };
    Decimal::rounded(value, place, toward).trimmed().to_string()
}

/// A number that the user gave: all of its digits, as it would be typed.
pub(crate) fn plain(value: f64) -> String {
    // The sum removes the sign of a zero.
    let text = format!("{:?}", value + 0.0);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A fraction in percent, to two digits.
pub(crate) fn percent(share: f64) -> String {
    match share {
        0.0 => "0%".to_owned(),
        share if share.abs() < 0.001 => "less than 0.1%".to_owned(),
        _ => format!("{}%", significant(100.0 * share, 2)),
    }
}

/// An amount of work: `1.3 Gpairs`.
pub(crate) fn pairs(pairs: f64) -> String {
    format!("{} Gpairs", significant(pairs / 1e9, 3))
}

/// A rate: `2.45 Gpairs/s`; `None` if no time has passed.
pub(crate) fn rate(pairs: f64, seconds: f64) -> Option<String> {
    let rate = pairs / seconds;
    let told = rate.is_finite() && seconds > 0.0;
    told.then(|| format!("{} Gpairs/s", significant(rate / 1e9, 3)))
}

/// The cost of work: `0.22 s, 2.45 Gpairs/s`.
pub(crate) fn effort(pairs: u64, seconds: f64) -> String {
    let rate = rate(pairs as f64, seconds);
    let rate = rate.map(|rate| format!(", {rate}"));
    duration(seconds) + &rate.unwrap_or_default()
}

/// A time in its two largest units; below a minute, about two digits.
pub(crate) fn duration(seconds: f64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    if seconds < 59.95 || !seconds.is_finite() {
        let digits = if seconds < 9.95 { 2 } else { 3 };
        return format!("{} s", significant(seconds, digits));
    }
    let whole = seconds.round() as u64;
    let first = UNITS.iter().position(|(unit, _)| whole >= *unit);
    let first = first.unwrap_or(UNITS.len() - 1);
    // The smaller unit is rounded, which may carry into the larger.
    let ((large, name), (small, minor)) = (UNITS[first], UNITS[(first + 1).min(UNITS.len() - 1)]);
    let parts = (seconds / small as f64).round() as u64;
    let (many, rest) = (parts * small / large, parts * small % large / small);
    match rest {
        0 => format!("{many} {name}"),
        _ => format!("{many} {name} {rest} {minor}"),
    }
}

/// `None` for values that JSON has no number for.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A JSON number, without a fraction if the value is an integer.
pub(crate) fn whole(value: f64) -> serde_json::Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}

/// A non-finite number in mathematical notation.
fn infinite(value: f64) -> String {
    let word = if value.is_nan() {
        "undefined"
    } else if value > 0.0 {
        "∞"
    } else {
        "−∞"
    };
    word.to_owned()
}

/// The power of ten of the first digit of a number: 2 for 314.
fn exponent(value: f64) -> i32 {
    // The text is exact, a logarithm is not.
    let text = format!("{value:e}");
    let power = text
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok());
    power.unwrap_or(0)
}

/// The direction of rounding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Toward {
    Nearest,
    Down,
    Up,
}

/// The number units × 10^place.
#[derive(Clone, Copy)]
struct Decimal {
    units: i64,
    place: i32,
}

impl Decimal {
    /// A finite number as a multiple of 10^place, or of a larger power of ten if that would take more than 16 digits.
    fn rounded(value: f64, place: i32, toward: Toward) -> Self {
        const MOST: i32 = 16;
        let exponent = exponent(value);
        let place = place.max(exponent + 1 - MOST);
        let mut decimal = Self { units: 0, place };
        if let Ok(after) = usize::try_from(exponent - place) {
            let text = format!("{value:.after$e}");
            let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
            let (units, power): (i64, i32) = (
                mantissa.replace('.', "").parse().unwrap_or(0),
                power.parse().unwrap_or(0),
            );
            // 9.99 may have become 10.0, with the last digit one place higher.
            let up = u32::try_from(power - exponent).unwrap_or(0);
            decimal.units = units * 10_i64.pow(up);
        }
        match toward {
            Toward::Down if decimal.value() > value => decimal.units -= 1,
            Toward::Up if decimal.value() < value => decimal.units += 1,
            _ => {}
        }
        decimal
    }

    /// The nearest float.
    fn value(self) -> f64 {
        let text = format!("{}e{}", self.units, self.place);
        text.parse().unwrap_or(f64::NAN)
    }

    /// The same number without trailing zeros.
    fn trimmed(self) -> Self {
        let Self {
            mut units,
            mut place,
        } = self;
        while units != 0 && units % 10 == 0 {
            units /= 10;
            place += 1;
        }
        Self { units, place }
    }
}

impl Display for Decimal {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let Self { units, place } = *self;
        if units == 0 {
            return to.write_str("0");
        }
        let sign = if units < 0 { "-" } else { "" };
        let digits = units.unsigned_abs().to_string();
        // Digits before the decimal point, without an exponent.
        let before = digits.len() as i32 + place;
        let exponent = before - 1;
        if !PLAIN.contains(&exponent) {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            return write!(to, "{sign}{first}{point}{rest}e{exponent}");
        }
        match usize::try_from(before) {
            Ok(before) if before >= digits.len() => {
                write!(to, "{sign}{digits}{:0<1$}", "", before - digits.len())
            }
            Ok(before) if before > 0 => {
                let (whole, rest) = digits.split_at(before);
                write!(to, "{sign}{whole}.{rest}")
            }
            _ => write!(
                to,
                "{sign}0.{:0<1$}{digits}",
                "",
                before.unsigned_abs() as usize
            ),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn certified(value: f64, lower: f64, upper: f64) -> [String; 3] {
        let Certified {
            value,
            lower,
            upper,
        } = Certified::new(value, Bounds { lower, upper });
        [value, lower, upper]
    }

    #[test]
    fn a_value_within_an_error_has_the_digits_above_it() {
        for (value, error, told) in [
            (0.523_456, 5e-4, "0.5235"),
            (0.5, 1e-2, "0.50"),
            (1.0, 5e-4, "1.0000"),
            (1e-5, 5e-4, "0"),
            (123.4, 20.0, "120"),
            (0.25, 0.0, "0.25"),
        ] {
            assert_eq!(within(value, error), told);
        }
    }

    #[test]
    fn a_value_has_the_digits_that_its_bounds_support() {
        for (numbers, told) in [
            ([2.5612e-6, 6.94e-7, 5.87e-6], ["2.6e-6", "6e-7", "5.9e-6"]),
            (
                [0.130_454_59, 0.130_125_64, 0.131_318_38],
                ["0.13045", "0.13012", "0.13132"],
            ),
            ([0.361_2, 0.360_7, 0.362_4], ["0.3612", "0.3607", "0.3624"]),
            // Trailing zeros are significant.
            (
                [0.200_001, 0.199_9, 0.200_1],
                ["0.20000", "0.19990", "0.20010"],
            ),
            ([1234.5, 1100.0, 1400.0], ["1230", "1100", "1400"]),
            ([-0.5, -0.61, -0.44], ["-0.50", "-0.61", "-0.44"]),
            // Smaller than its uncertainty.
            ([2e-8, 0.0, 5.9e-6], ["2e-8", "0", "5.90e-6"]),
            // Rounding left the value below its lower bound.
            ([-3e-8, 0.0, 2.04e-7], ["0", "0", "2.1e-7"]),
            ([0.0, 0.0, 0.0], ["0", "0", "0"]),
            ([-0.0, -0.0, 0.0], ["0", "0", "0"]),
            // Very tight bounds show ten digits, and no more.
            (
                [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0],
                ["0.3333333333", "0.3333333333", "0.3333333334"],
            ),
            ([0.5, f64::NEG_INFINITY, 0.6], ["0.50", "−∞", "0.60"]),
        ] {
            let [value, lower, upper] = numbers;
            assert_eq!(certified(value, lower, upper), told, "{numbers:?}");
        }
    }

    #[test]
    fn zeros_and_powers_of_ten_are_written_in_one_way() {
        for (value, told) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (10.0, "10"),
            (1e5, "100000"),
            (1e6, "1e6"),
            (1e-4, "0.0001"),
            (1e-5, "1e-5"),
            (0.2, "0.2"),
            (12.5, "12.5"),
            (193_312.4, "193312"),
            (1_935_678.0, "1.936e6"),
            (0.999_999_9, "1"),
            (-9_999.96, "-10000"),
            (999_999.7, "1e6"),
            (1.5e-9, "1.5e-9"),
            (-3e12, "-3e12"),
            (5e-324, "4.941e-324"),
            (f64::MAX, "1.798e308"),
            (f64::INFINITY, "∞"),
            (f64::NAN, "undefined"),
        ] {
            assert_eq!(short(value), told);
        }
        for (value, told) in [
            (0.0, "0"),
            (1e-3, "0.001"),
            (6.31e-4, "0.00064"),
            (8.9e-8, "8.9e-8"),
            (9.91e-8, "1e-7"),
            (1.0, "1"),
        ] {
            assert_eq!(error(value), told);
        }
        for (value, told) in [
            (-0.0, "0"),
            (0.001, "0.001"),
            (1e-9, "1e-9"),
            (2.0, "2"),
            (1.25, "1.25"),
            (1e-300, "1e-300"),
        ] {
            assert_eq!(plain(value), told);
        }
    }

    #[test]
    fn shares_and_speeds_have_units_and_few_digits() {
        for (share, told) in [
            (0.0, "0%"),
            (2e-5, "less than 0.1%"),
            (0.0931, "9.3%"),
            (0.07, "7%"),
            (0.4149, "41%"),
            (1.0, "100%"),
            (12.344, "1234%"),
        ] {
            assert_eq!(percent(share), told);
        }
        assert_eq!(pairs(1.2963e9), "1.3 Gpairs");
        assert_eq!(pairs(4.2e13), "42000 Gpairs");
        assert_eq!(rate(2.4512e9, 1.0).unwrap(), "2.45 Gpairs/s");
        assert_eq!(rate(0.0, 2.0).unwrap(), "0 Gpairs/s");
        assert_eq!(rate(1.0, 0.0), None);
        assert_eq!(rate(0.0, 0.0), None);
    }

    #[test]
    fn a_time_is_told_in_the_units_of_people() {
        for (seconds, told) in [
            (0.0, "0 s"),
            (0.3876, "0.39 s"),
            (3.12, "3.1 s"),
            (3.0, "3 s"),
            (12.34, "12.3 s"),
            (59.96, "1 min"),
            (61.2, "1 min 1 s"),
            (3599.7, "1 h"),
            (2.167e4, "6 h 1 min"),
            (86_400.0, "1 d"),
            (1e6, "11 d 14 h"),
        ] {
            assert_eq!(duration(seconds), told);
        }
    }

    /// Numbers of every size and sign, including small and round ones.
    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-1.0..1.0, -12..12).prop_map(|(mantissa, power)| mantissa * 10_f64.powi(power)),
            (-1000..1000).prop_map(|whole| f64::from(whole) / 8.0),
            // A rounding away from zero of the largest numbers is text that no f64 holds.
            any::<f64>().prop_filter("one that can be rounded", |number| number.abs() < 1e308),
        ]
    }

    /// A value with its lower and upper bound.
    fn interval() -> impl Strategy<Value = [f64; 3]> {
        let off = || {
            prop_oneof![
                Just(0.0),
                (0.0..1.0, -14..4).prop_map(|(x, k)| x * 10_f64.powi(k))
            ]
        };
        (number(), off(), off()).prop_map(|(value, below, above)| {
            let size = value.abs().max(1e-6);
            [value, value - size * below, value + size * above]
        })
    }

    fn parsed(text: &str) -> f64 {
        assert!(
            !["-0", "+0"].contains(&text) && !text.ends_with("e0"),
            "{text}"
        );
        text.parse().unwrap()
    }

    /// The cases are the same ones in every run.
    fn config() -> ProptestConfig {
        ProptestConfig {
            cases: 4000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(1781),
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn a_printed_interval_contains_the_proved_one_and_is_hardly_wider([value, lower, upper] in interval()) {
            prop_assume!([lower, upper].iter().all(|bound| bound.abs() < 1e308) && upper - lower < 1e308);
            let told = certified(value, lower, upper);
            let [shown, low, high] = told.clone().map(|text| parsed(&text));
            prop_assert!(low <= lower && upper <= high, "{told:?}");
            prop_assert!(low <= shown && shown <= high, "{told:?}");
            // A fifth of the distance to the farther bound, plus the rounding to ten digits.
            let off = (value - lower).max(upper - value);
            let size = value.abs().max(lower.abs()).max(upper.abs());
            let room = 0.201 * off + 2.01e-9 * size;
            prop_assert!(high - low <= upper - lower + room, "{told:?}");
            // No printed digit is finer than a hundredth of the uncertainty of the value, except the one digit of a
            // value below its uncertainty.
            let unit = 10_f64.powi(last_place(value, lower, upper));
            prop_assert!(unit >= 0.00999 * off || value.abs() < off, "{told:?}");
        }

        #[test]
        fn a_rounded_number_is_within_half_a_digit_and_an_error_is_not_below_its_own(value in number()) {
            let told = parsed(&short(value));
            prop_assert!((told - value).abs() <= 0.5001e-3 * value.abs(), "{told}");
            let above = parsed(&error(value));
            prop_assert!(value <= above && above - value <= 0.1001 * value.abs(), "{above}");
        }
    }

    #[test]
    fn rounding_to_the_nearest_would_lose_a_bound() {
        // Negative control: some interval is not contained if its bounds are rounded to nearest.
        let nearest = |number: f64| Decimal::rounded(number, -2, Toward::Nearest).value();
        let (lower, upper) = (0.126, 0.134);
        assert!(nearest(lower) > lower && nearest(upper) < upper);
        let [_, low, high] = certified(0.13, lower, upper).map(|text| parsed(&text));
        assert!(low <= lower && upper <= high);
    }
}
