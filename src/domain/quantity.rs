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
