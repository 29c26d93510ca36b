//! Numbers on a page: the value with all digits, as in the JSON, behind the few digits that are shown.

use crate::number::{self, whole};
use maud::{Markup, Render, display, html};
use serde_json::Value;

/// A number on a page.
pub(crate) struct Number {
    value: Value,
    shown: String,
}

impl Number {
    /// A value or a bound, [written](number::Certified) with the digits of its certificate.
    pub(crate) fn certified(value: f64, shown: String) -> Self {
        Self {
            value: value.into(),
            shown,
        }
    }

    /// A parameter, a size, a time.
    pub(crate) fn short(value: f64) -> Self {
        Self::certified(value, number::short(value))
    }

    /// An error, rounded up.
    pub(crate) fn error(value: f64) -> Self {
        Self::certified(value, number::error(value))
    }

    /// A power, without a fraction if it is an integer.
    pub(crate) fn power(value: f64) -> Self {
        Self {
            shown: number::plain(value),
            value: whole(value),
        }
    }

    pub(crate) fn count(value: u64) -> Self {
        Self {
            value: value.into(),
            shown: value.to_string(),
        }
    }

    /// Pairs of points, shown in Gpairs.
    pub(crate) fn pairs(value: u64) -> Self {
        Self {
            value: value.into(),
            shown: number::pairs(value as f64),
        }
    }

    /// The number of a JSON key.
    pub(crate) fn of(&self, key: &str) -> Markup {
        html! { data itemprop=(key) value=(display(&self.value)) { (self.shown) } }
    }
}

impl Render for Number {
    fn render(&self) -> Markup {
        html! { data value=(display(&self.value)) { (self.shown) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digit_is_behind_the_few_that_are_shown() {
        let text = Number::short(0.123_456_789_012).render().into_string();
        assert_eq!(text, "<data value=\"0.123456789012\">0.1235</data>");
        let text = Number::pairs(1_234_567_890).of("pairs").into_string();
        assert_eq!(
            text,
            "<data itemprop=\"pairs\" value=\"1234567890\">1.23 Gpairs</data>"
        );
        assert_eq!(Number::count(1_234_567).shown, "1234567");
    }
}
