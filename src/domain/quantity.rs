//! How many pieces.
//!
//! Not here: what was bought.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::reading::{self, Unreadable};

/// A whole number of pieces, at least one. Reads a JSON number or a JSON string.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Quantity(u64);

impl Quantity {
    /// The number of pieces.
    pub fn pieces(self) -> u64 {
        self.0
    }

    /// The number of pieces as a decimal, to compare it with what the API holds.
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
        let whole = decimal.fract().is_zero().then(|| decimal.to_u64()).flatten().filter(|&pieces| pieces >= 1);
        whole.map(Self).ok_or_else(|| Unreadable::expected(format!("a whole number of at least 1, got {decimal}")))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        reading::decimal(raw.get()).and_then(Self::try_from).map_err(D::Error::custom)
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
        assert_eq!(read("18446744073709551615"), Ok("18446744073709551615".to_owned()));
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        for json in ["0", "-1", "1.5", "\"two\"", "\"\"", "18446744073709551616", "[]", "true"] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
