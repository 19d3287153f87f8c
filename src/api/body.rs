//! The body of an answer: without its encoding and byte order mark, or why it cannot be read.
//!
//! Not here: what the body says.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

/// Bytes of the largest body that is read. The API's answers have a few kilobytes.
pub(super) const LARGEST: usize = 4 * 1024 * 1024;

/// The byte order mark of UTF-8, which some servers write before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A body that can be read, or why it cannot.
#[derive(Debug)]
pub(super) struct Body(Result<Vec<u8>, String>);

impl Body {
    /// A body that was larger than any of the API's.
    pub(super) fn too_large() -> Self {
        Self(Err(format!("larger than {LARGEST} bytes")))
    }

    /// A body as it came, with its `Content-Encoding`.
    pub(super) fn decoded(bytes: Vec<u8>, encoding: Option<&str>) -> Self {
        let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
        Self(match encoding.as_str() {
            "" | "identity" => Ok(bytes),
            "gzip" | "x-gzip" => unpacked(MultiGzDecoder::new(bytes.as_slice()), &encoding),
            "deflate" => unpacked(ZlibDecoder::new(bytes.as_slice()), &encoding),
            other => Err(format!("content-encoding {}: not supported", other.escape_debug())),
        })
    }

    /// The text; empty where it cannot be read.
    pub(super) fn text(&self) -> &[u8] {
        let bytes = self.0.as_deref().unwrap_or_default();
        bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
    }

    /// Describes a body that is not the expected one. Nothing of it is repeated.
    pub(super) fn kind(&self) -> Cow<'static, str> {
        let text = match &self.0 {
            Err(why) => return Cow::Owned(why.clone()),
            Ok(_) => self.text().trim_ascii(),
        };
        Cow::Borrowed(match text.first() {
            None => "empty",
            Some(b'<') => "HTML or XML",
            Some(_) if serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok() => "JSON of another kind",
            Some(_) => "not JSON",
        })
    }
}

/// Unpacks no more than an answer may have: a few bytes can stand for gigabytes.
fn unpacked(packed: impl Read, encoding: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    match packed.take(limit).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > LARGEST => Err(format!("larger than {LARGEST} bytes without its {encoding}")),
        Ok(_) => Ok(bytes),
        Err(_) => Err(format!("content-encoding {encoding}: the body is not that")),
    }
}
