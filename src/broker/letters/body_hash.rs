//! The hash of a letter's body, by which tools tell bodies apart.
//!
//! Not here: ids of messages.

use std::fmt;

use serde::{Deserialize, Serialize};

/// SHA-256 of a letter's body.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct BodyHash([u8; 32]);

impl BodyHash {
    /// The hash of a body.
    pub fn of(body: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, body).as_ref());
        Self(hash)
    }
}

impl fmt::Display for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BodyHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BodyHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        let whole = text.len() == 64 && text.is_ascii();
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(at * 2..at * 2 + 2).filter(|_| whole);
            let parsed = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            *byte = parsed.ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_and_read_as_the_digits_that_sha256sum_prints() {
        let hash = BodyHash::of(b"abc");
        let written = serde_json::to_string(&hash).unwrap();
        assert_eq!(written, "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
        assert_eq!(serde_json::from_str::<BodyHash>(&written).unwrap(), hash);
        for wrong in ["\"ba78\"", "\"\"", &written.replace('b', "g"), &written.replace("ba", "ä")] {
            assert!(serde_json::from_str::<BodyHash>(wrong).is_err(), "{wrong}");
        }
    }
}
