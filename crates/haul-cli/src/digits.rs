//! Numbers as text, and as JSON has them.

/// Nothing for what JSON has no number for.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A number that is written without a fraction where it has none.
pub(crate) fn whole(value: f64) -> serde_json::Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}

/// A number as a person writes it: all of its digits, and no row of zeros.
pub(crate) fn plain(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

pub(crate) fn short(value: f64) -> String {
    significant(value, 4)
}

pub(crate) fn long(value: f64) -> String {
    significant(value, 8)
}

/// That many significant digits, without an exponent where the number is of human size.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    // Of the number as it is rounded, which may have a digit more.
    let magnitude = scientific
        .split_once('e')
        .and_then(|(_, it)| it.parse().ok());
    match magnitude {
        Some(magnitude) if (-4..digits as i32).contains(&magnitude) => {
            let decimals = (digits as i32 - 1 - magnitude) as usize;
            format!("{value:.decimals$}")
        }
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_significant_digits() {
        assert_eq!(significant(0.139_437_991, 8), "0.13943799");
        assert_eq!(significant(12.5, 4), "12.50");
        assert_eq!(significant(0.0, 4), "0.000");
        assert_eq!(significant(1.5e-9, 4), "1.500e-9");
        assert_eq!(significant(-3e12, 4), "-3.000e12");
        assert_eq!(significant(0.999_999_9, 4), "1.000");
        assert_eq!(significant(-9_999.9, 4), "-1.000e4");
        assert_eq!(significant(9.999e-5, 2), "0.00010");
    }
}
