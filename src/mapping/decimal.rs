//! Exact decimals of any sign: the arithmetic of the money functions.
//!
//! Not here: the functions; amounts of a message (`domain::money`).

use std::cmp::Ordering;
use std::fmt;

/// Most digits after the point, so that a text like `1e-999999` costs nothing.
const MAX_SCALE: u32 = 30;

/// A decimal that is exact: a whole number and the place of its point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    digits: i128,
    scale: u32,
}

impl Exact {
    pub(super) const ZERO: Self = Self { digits: 0, scale: 0 };

    /// A JSON number, or the text of one. None where it is no decimal, or has too many digits.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain(unsigned) || !is_plain(fraction) {
            return None;
        }
        let fraction = if number.contains('.') { fraction } else { "" };
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        if scale >= 0 {
            let scale = scale.unsigned_abs();
            return (scale <= MAX_SCALE).then_some(Self { digits, scale });
        }
        Some(Self { digits: digits.checked_mul(power(scale.unsigned_abs())?)?, scale: 0 })
    }

    /// A whole number of the smallest unit, with so many digits after the point.
    pub(super) fn of_minor(self, digits: u32) -> Option<Self> {
        let whole = if self.scale == 0 { Some(self.digits) } else { self.scaled(0) };
        (digits <= MAX_SCALE).then_some(Self { digits: whole?, scale: digits })
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Some(Self { digits: self.scaled(scale)?.checked_add(other.scaled(scale)?)?, scale })
    }

    pub(super) fn neg(self) -> Option<Self> {
        Some(Self { digits: self.digits.checked_neg()?, ..self })
    }

    pub(super) fn mul(self, other: Self) -> Option<Self> {
        let scale = self.scale + other.scale;
        let digits = self.digits.checked_mul(other.digits)?;
        (scale <= MAX_SCALE).then_some(Self { digits, scale })
    }

    /// Compares two decimals, whatever their zeros at the end.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        let scale = self.scale.max(other.scale);
        Some(self.scaled(scale)?.cmp(&other.scaled(scale)?))
    }

    /// Rounds to so many digits after the point, a half away from zero. Fewer digits stay as they are, filled with zeros.
    pub(super) fn rounded(self, scale: u32) -> Option<Self> {
        if scale >= self.scale {
            return Some(Self { digits: self.scaled(scale)?, scale }).filter(|_| scale <= MAX_SCALE);
        }
        let unit = power(self.scale - scale)?;
        let half = if self.digits < 0 { -(unit / 2) } else { unit / 2 };
        Some(Self { digits: self.digits.checked_add(half)? / unit, scale })
    }

    /// A share of `parts` equal shares, cut to so many digits, and the rest that the shares leave.
    pub(super) fn shared(self, parts: i128, scale: u32) -> Option<(Self, Self)> {
        if parts <= 0 || scale > MAX_SCALE {
            return None;
        }
        let fine = self.scale.max(scale);
        let unit = power(fine - scale)?;
        let each = Self { digits: self.scaled(fine)? / parts.checked_mul(unit)?, scale };
        let all = Self { digits: each.digits.checked_mul(parts)?, scale };
        Some((each, self.add(all.neg()?)?))
    }

    /// The whole number, where it is one.
    pub(super) fn whole(self) -> Option<i128> {
        self.scaled(0)
    }

    /// The digits at another scale, if none is lost.
    fn scaled(self, scale: u32) -> Option<i128> {
        if scale >= self.scale {
            return self.digits.checked_mul(power(scale - self.scale)?);
        }
        let unit = power(self.scale - scale)?;
        (self.digits % unit == 0).then_some(self.digits / unit)
    }
}

fn power(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::of(text).unwrap()
    }

    #[test]
    fn a_decimal_keeps_its_digits() {
        for text in ["0", "0.00", "38.79", "-38.79", "99999999999999999.99", "0.001", "-0.05", "10.00"] {
            assert_eq!(exact(text).to_string(), text);
        }
        for (text, read) in [("1e2", "100"), ("1.5E1", "15"), ("125e-2", "1.25"), ("-0", "0"), ("007.5", "7.5")] {
            assert_eq!(exact(text).to_string(), read);
        }
    }

    #[test]
    fn no_decimal_is_refused() {
        let long = "9".repeat(40);
        let far = ["1e999999999", "1e-999999999", "1e-31", "1e40", &long];
        for text in ["", "-", ".5", "5.", "1,5", "+1", " 1", "NaN", "1e", "1e1.5", "--1", "1-1"].into_iter().chain(far)
        {
            assert!(Exact::of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn rounding_goes_half_away_from_zero() {
        for (text, digits, rounded) in [
            ("1.005", 2, "1.01"),
            ("-1.005", 2, "-1.01"),
            ("1.004", 2, "1.00"),
            ("1.5", 0, "2"),
            ("1.5", 2, "1.50"),
            ("0.4", 0, "0"),
        ] {
            assert_eq!(exact(text).rounded(digits).unwrap().to_string(), rounded, "{text}");
        }
    }

    #[test]
    fn overflow_is_no_number() {
        let most = exact(&i128::MAX.to_string());
        assert!(most.add(exact("1")).is_none());
        assert!(most.mul(exact("10")).is_none());
        assert!(most.rounded(2).is_none());
        assert!(most.compare(exact("0.1")).is_none());
        assert!(exact("1").rounded(31).is_none() && exact("1").of_minor(31).is_none());
    }

    const AMOUNT: &str = "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,4})?";

    proptest! {
        #[test]
        fn shares_and_their_rest_are_the_whole(amount in AMOUNT, parts in 1_i128..1000, digits in 0_u32..5) {
            let amount = exact(&amount);
            let (each, left) = amount.shared(parts, digits).unwrap();
            let all = each.mul(exact(&parts.to_string())).unwrap().add(left).unwrap();
            prop_assert_eq!(all.compare(amount), Some(Ordering::Equal));
        }

        #[test]
        fn what_is_added_can_be_taken_away(one in AMOUNT, other in AMOUNT) {
            let (one, other) = (exact(&one), exact(&other));
            let back = one.add(other).unwrap().add(other.neg().unwrap()).unwrap();
            prop_assert_eq!(back.compare(one), Some(Ordering::Equal));
        }

        #[test]
        fn any_text_is_a_decimal_or_none(text in "[-+0-9.eE]{0,60}") {
            if let Some(exact) = Exact::of(&text) {
                prop_assert!(Exact::of(&exact.to_string()).is_some());
            }
        }
    }
}
