//! Numbers on a page: the value to the last digit, as the JSON has it, behind the few digits that are shown.

use crate::digits::{self, whole};
use maud::{Markup, Render, display, html};
use serde_json::Value;

/// A number that is there.
pub(crate) struct Number {
    value: Value,
    shown: String,
}

impl Number {
    /// To eight digits: a value.
    pub(crate) fn long(value: f64) -> Self {
        Self::shown(value, digits::long(value))
    }

    /// To four digits: a parameter, a time.
    pub(crate) fn short(value: f64) -> Self {
        Self::shown(value, digits::short(value))
    }

    /// To two digits: an error.
    pub(crate) fn error(value: f64) -> Self {
        Self::shown(value, format!("{value:.1e}"))
    }

    /// A power, without a fraction where it has none.
    pub(crate) fn power(value: f64) -> Self {
        Self {
            shown: value.to_string(),
            value: whole(value),
        }
    }

    /// A count, its digits in groups of three.
    pub(crate) fn count(value: u64) -> Self {
        let digits = value.to_string();
        let mut shown = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                shown.push('\u{202f}');
            }
            shown.push(digit);
        }
        Self {
            value: value.into(),
            shown,
        }
    }

    fn shown(value: f64, shown: String) -> Self {
        Self {
            value: value.into(),
            shown,
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
        let text = Number::count(1_234_567).of("pairs").into_string();
        let groups = "1\u{202f}234\u{202f}567";
        assert_eq!(
            text,
            format!("<data itemprop=\"pairs\" value=\"1234567\">{groups}</data>")
        );
        assert_eq!(Number::count(12).shown, "12");
    }
}
