//! Exact amounts and their currency.
//!
//! Not here: arithmetic. An amount goes out as it came in.

use std::fmt;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::reading::{self, Unreadable};

/// An amount of money: exact, never negative, with as many decimals as it was written with.
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
        reading::decimal(raw.get(), "a decimal").and_then(Self::try_from).map_err(D::Error::custom)
    }
}

impl Serialize for Amount {
    /// Writes a number with exactly these digits: serde_json's `arbitrary_precision` keeps the text.
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
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// Amount, exact.
    pub amount: Amount,
    /// Currency of the amount.
    pub currency_code: Currency,
}

/// An amount with the currency of its message. A message without amounts needs no currency.
pub(super) fn in_currency(amount: Option<Amount>, currency: Option<Currency>) -> Result<Option<Money>, Unreadable> {
    let Some(amount) = amount else { return Ok(None) };
    let currency_code = currency.ok_or_else(|| Unreadable::missing("currency"))?;
    Ok(Some(Money { amount, currency_code }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<Amount, String> {
        serde_json::from_str(json).map_err(|error: serde_json::Error| error.to_string())
    }

    fn written(amount: Amount) -> String {
        serde_json::to_string(&amount).unwrap()
    }

    #[test]
    fn an_amount_goes_out_with_the_digits_it_came_in_with() {
        for digits in ["38.79", "10.00", "99999999999999999.99", "0.10", "0", "28", "0.0000000000000000000000000001"] {
            assert_eq!(written(read(digits).unwrap()), digits);
            assert_eq!(written(read(&format!("\"{digits}\"")).unwrap()), digits);
        }
    }

    #[test]
    fn money_goes_out_as_an_exact_number_inside_a_whole_input() {
        let money =
            Money { amount: read("\"10.00\"").unwrap(), currency_code: serde_json::from_str("\"USD\"").unwrap() };
        assert_eq!(serde_json::to_string(&money).unwrap(), r#"{"amount":10.00,"currencyCode":"USD"}"#);
    }

    #[test]
    fn an_exponent_is_read_if_it_is_exact() {
        for (json, digits) in [("1e2", "100"), ("1.5E1", "15"), ("1.50e+1", "15.0"), ("125e-2", "1.25"), ("0e5", "0")] {
            assert_eq!(read(json).map(written), Ok(digits.to_owned()), "{json}");
        }
        for json in ["1e40", "1e-40", "1e99999999999", "1e-2147483648", "\"1e\"", "\"e5\""] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_not_an_exact_decimal_is_refused() {
        let not_exact = ["12345678901234567890123456789012345", "0.00000000000000000000000000001"];
        let not_decimal =
            ["\"12,50\"", "\"1_000\"", "\"\"", "\" 1\"", "\"+1\"", "\".5\"", "\"5.\"", "\"1-1\"", "\"NaN\""];
        for json in not_exact.into_iter().chain(not_decimal).chain(["true", "[]", "{}", "null"]) {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_negative_amount_is_refused_and_a_negative_zero_is_zero() {
        assert!(read("-0.01").unwrap_err().contains("expected an amount of at least 0, got -0.01"));
        assert_eq!(read("-0.00").map(written), Ok("0.00".to_owned()));
    }

    proptest! {
        #[test]
        fn every_amount_makes_the_round_trip(digits in "(0|[1-9][0-9]{0,17})(\\.[0-9]{1,10})?") {
            prop_assert_eq!(read(&digits).map(written), Ok(digits.clone()));
            prop_assert_eq!(read(&format!("\"{digits}\"")).map(written), Ok(digits));
        }
    }
}
