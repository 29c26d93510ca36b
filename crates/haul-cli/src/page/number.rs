//! Numbers on a page: the value to the last digit, as the JSON has it, behind the few digits that are shown.

use crate::number::{self, whole};
use maud::{Markup, Render, display, html};
use serde_json::Value;

/// A number that is there.
pub(crate) struct Number {
    value: Value,
    shown: String,
}

impl Number {
    /// A value or a bound, as its certificate lets it be [written](number::Certified).
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

    /// A power, without a fraction where it has none.
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

    /// The number as that of a key of the JSON.
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
