//! Numbers of pieces.
//!
//! Not here: the product.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::reading::{self, Unreadable};

/// A whole number of pieces, from one to the largest `Int` of GraphQL: the API refuses a whole query with a larger one.
/// Reads a JSON number or a JSON string.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Quantity(i32);

/// Expectation in error messages; [`i32::MAX`] is GraphQL's bound.
const EXPECTED: &str = "a whole number from 1 to 2147483647";

impl Quantity {
    /// The number of pieces.
    pub fn pieces(self) -> u64 {
        self.0.unsigned_abs().into()
    }

    /// The number of pieces as a decimal, for a comparison with the stored one.
    pub fn decimal(self) -> Decimal {
        self.0.into()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<Decimal> for Quantity {
    type Error = Unreadable;

    fn try_from(decimal: Decimal) -> Result<Self, Unreadable> {
        let whole = decimal.fract().is_zero().then(|| decimal.to_i32()).flatten().filter(|&pieces| pieces >= 1);
        whole.map(Self).ok_or_else(|| Unreadable::expected(format!("{EXPECTED}, got {decimal}")))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        reading::decimal(raw.get(), EXPECTED).and_then(Self::try_from).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<String, String> {
        let quantity: Quantity = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&quantity).unwrap())
    }

    #[test]
    fn a_quantity_is_a_number_or_a_text_and_goes_out_as_a_whole_number() {
        for json in ["2", "\"2\"", "2.0", "\"2.00\"", "0.2e1"] {
            assert_eq!(read(json), Ok("2".to_owned()), "{json}");
        }
        assert_eq!(read("2147483647"), Ok("2147483647".to_owned()));
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let beyond = ["2147483648", "\"2147483648\"", "4006381333931", "18446744073709551616", "1e40", "1e400000"];
        for json in ["0", "-1", "1.5", "\"two\"", "\"\"", "[]", "true"].into_iter().chain(beyond) {
            let said = read(json).unwrap_err();
            assert!(said.starts_with("expected a whole number from 1 to 2147483647, got "), "{json}: {said}");
        }
    }
}
