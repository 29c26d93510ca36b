//! Parsers for numbers on a command line.

/// Parses a number of the command line.
pub(crate) fn number(text: &str) -> Result<f64, &'static str> {
    let advice = "write a number such as 0.005, with a point and without a unit";
    text.parse().map_err(|_| advice)
}

/// The largest u32.
pub(crate) const MOST_U32: u64 = u32::MAX as u64;

/// Parses a whole number of the command line, which may be written as 30.0 or 1e4 as well.
pub(crate) fn whole<T: TryFrom<u64>, const LEAST: u64, const MOST: u64>(
    text: &str,
) -> Result<T, String> {
    /// Below this, a float represents every whole number exactly.
    const EXACT: f64 = 9e15;
    let found = match (text.parse::<u64>(), text.parse::<f64>()) {
        (Ok(found), _) => found,
        (_, Ok(float)) if float < LEAST as f64 => {
            return Err(format!("it must be at least {LEAST}"));
        }
        (_, Ok(float)) if float > EXACT => return Err(format!("it must be at most {MOST}")),
        (_, Ok(float)) if float.fract() == 0.0 => float as u64,
        _ => return Err("write a whole number such as 500".to_owned()),
    };
    if found < LEAST {
        return Err(format!("it must be at least {LEAST}"));
    }
    let fits = Some(found).filter(|found| *found <= MOST);
    fits.and_then(|found| T::try_from(found).ok())
        .ok_or_else(|| format!("it must be at most {MOST}"))
}
