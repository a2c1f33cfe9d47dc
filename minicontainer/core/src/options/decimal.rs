//! Decimal numbers such as `1.5`, parsed exactly, so that a limit does not depend on floating-point rounding.

/// A decimal number times a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scaled {
    /// The product's integer part.
    pub(super) value: u64,
    /// Whether the product is an integer.
    pub(super) exact: bool,
}

/// Parses digits with at most one decimal point (`4`, `1.5`, `.5`) and multiplies by `scale`. `None` if the text is
/// anything else, or if the product does not fit into 64 bits.
pub(super) fn scaled(text: &str, scale: u64) -> Option<Scaled> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // Twenty digits and a scale of 64 bits fit into 128 bits. No valid value has more digits.
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.len() > 20 || fraction.len() > 18 {
        return None;
    }
    let number = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<u128>() };
    let unit = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let whole = number(whole).ok()?.checked_mul(u128::from(scale))?;
    let part = number(fraction).ok()?.checked_mul(u128::from(scale))?;
    let value = u64::try_from(whole.checked_add(part / unit)?).ok()?;
    Some(Scaled { value, exact: part % unit == 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, scale: u64, expect: Option<(u64, bool)>) {
        assert_eq!(scaled(text, scale), expect.map(|(value, exact)| Scaled { value, exact }), "{text} × {scale}");
    }

    #[test]
    fn decimal_numbers_are_parsed_exactly() {
        check("4", 1024, Some((4096, true)));
        check("1.5", 1024, Some((1536, true)));
        check(".5", 10, Some((5, true)));
        check("2.", 10, Some((20, true)));
        check("0.1", 1_000_000_000, Some((100_000_000, true)));
        check("0.1", 1024, Some((102, false)));
        check("00000000000000000000000001", 1, Some((1, true)));
        check("18446744073709551615", 1, Some((u64::MAX, true)));
    }

    #[test]
    fn malformed_numbers_are_rejected() {
        for text in ["", ".", "-1", "+1", "1e3", "0x10", "NaN", "inf", " 1", "1 ", "1..2", "1.2.3", "١", "1_000"] {
            check(text, 1, None);
        }
    }

    #[test]
    fn out_of_range_numbers_are_rejected() {
        check("18446744073709551616", 1, None);
        check("18446744073709551615", 2, None);
        check("99999999999999999999999999999999999999999", u64::MAX, None);
        check("0.0000000000000000001", 1, None);
    }
}
