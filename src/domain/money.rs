//! Exact amounts, and their currency.
//!
//! Not here: arithmetic. An amount goes out as it came in.

use std::fmt;

use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::reading::{self, Unreadable};

/// An amount of money: exact, never negative, with the number of decimals that it came with.
///
/// Reads a JSON number or a JSON string, writes a JSON number.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Amount(Decimal);

impl Amount {
    /// The amount as a number.
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<Decimal> for Amount {
    type Error = Unreadable;

    fn try_from(decimal: Decimal) -> Result<Self, Unreadable> {
        if decimal.is_zero() {
            // a zero keeps its decimals and loses its sign
            return Ok(Self(decimal.abs()));
        }
        if decimal.is_sign_negative() {
            return Err(Unreadable::expected(format!("an amount of at least 0, got {decimal}")));
        }
        Ok(Self(decimal))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        reading::decimal(raw.get()).and_then(Self::try_from).map_err(D::Error::custom)
    }
}

impl Serialize for Amount {
    /// As a number with exactly these digits: serde_json's `arbitrary_precision` keeps the text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self.0.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

/// A currency of ISO 4217.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three-letter code, for example `USD`.
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

impl TryFrom<String> for Currency {
    type Error = Unreadable;

    fn try_from(code: String) -> Result<Self, Unreadable> {
        iso_currency::Currency::from_code(&code)
            .map(Self)
            .ok_or_else(|| Unreadable::expected(format!("an ISO 4217 code, got {}", reading::shown(&code))))
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// An amount in a currency, as the API takes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency_code: Currency,
}
