//! A country, as addresses name it.
//!
//! Not here: which countries Buy with Prime delivers to; that is a rule.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::reading::{self, Unreadable};

/// A country of ISO 3166-1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Country(iso_currency::Country);

impl Country {
    /// The alpha-2 code, for example `US`.
    pub(super) fn code(&self) -> String {
        self.0.to_string()
    }
}

impl TryFrom<String> for Country {
    type Error = Unreadable;

    fn try_from(code: String) -> Result<Self, Unreadable> {
        // the crate has an entry for "unspecified", with an empty code
        let known = code.parse().ok().filter(|_| code.len() == 2).map(Self);
        known.ok_or_else(|| {
            let got = reading::shown(&code);
            Unreadable::expected(format!("an ISO 3166-1 alpha-2 code in capitals, got {got}"))
        })
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_a_code_of_two_capitals_that_the_standard_has() {
        for code in ["US", "GB", "DE", "SS", "CW", "BQ", "SX", "ME", "RS"] {
            assert_eq!(Country::try_from(code.to_owned()).map(|country| country.code()), Ok(code.to_owned()));
        }
        for (code, got) in [
            ("us", "\"us\""),
            ("Us", "\"Us\""),
            ("USA", "\"USA\""),
            ("UK", "\"UK\""),
            ("840", "\"840\""),
            ("ZZ", "\"ZZ\""),
            ("", "\"\""),
            (" US", "another text"),
            ("United States", "another text"),
        ] {
            let said = Country::try_from(code.to_owned()).unwrap_err().to_string();
            assert_eq!(said, format!("expected an ISO 3166-1 alpha-2 code in capitals, got {got}"), "{code:?}");
        }
    }
}
