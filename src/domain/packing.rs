//! Compressed bodies, as RabbitMQ clients for Java and Python write them.
//!
//! Not here: the contents of a body.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use serde_json::value::RawValue;

use super::rejection::Rejection;

/// Factor by which an unpacked body may exceed the limit of a body.
pub const MAX_GROWTH: usize = 8;
/// Values of `content_encoding` that name no compression: some clients write the charset there.
const NO_PACKING: [&str; 9] = ["", "identity", "none", "charset", "utf-8", "utf8", "us-ascii", "ascii", "binary"];
/// Header in which kombu names the compression; its `content_encoding` is the charset.
pub const KOMBU_HEADER: &str = "compression";

/// The body before its publisher compressed it. A body that is valid JSON as it stands is returned unchanged, whatever
/// its headers say.
///
/// # Errors
/// An unknown compression, a body that cannot be unpacked, or one that is too long.
pub fn unpacked<'b>(
    body: &'b [u8],
    encoding: Option<&str>,
    headers: &BTreeMap<String, String>,
    at_most: usize,
) -> Result<Cow<'b, [u8]>, Rejection> {
    let named = named("content_encoding", encoding.unwrap_or_default())
        .or_else(|| named(KOMBU_HEADER, headers.get(KOMBU_HEADER)?));
    let Some(Named { place, packing }) = named.filter(|_| !is_object(body)) else { return Ok(Cow::Borrowed(body)) };
    let invalid = |reason: String| Rejection::invalid(place, reason);
    if !matches!(&*packing, "gzip" | "deflate" | "zlib") {
        let got: String = packing.chars().take(40).collect();
        return Err(invalid(format!("expected gzip or deflate, got {got:?}")));
    }
    // some clients write `deflate` without the header of zlib, and kombu means zlib by gzip
    let readers: [Box<dyn Read + 'b>; 3] =
        [Box::new(MultiGzDecoder::new(body)), Box::new(ZlibDecoder::new(body)), Box::new(DeflateDecoder::new(body))];
    for reader in readers {
        let mut unpacked = Vec::new();
        match reader.take((at_most as u64).saturating_add(1)).read_to_end(&mut unpacked) {
            Ok(_) if unpacked.len() > at_most => {
                return Err(invalid(format!("expected at most {at_most} bytes when unpacked, got more")));
            }
            Ok(_) => return Ok(Cow::Owned(unpacked)),
            Err(_) => {}
        }
    }
    Err(invalid(format!("{packing} is named, but the body cannot be unpacked")))
}

/// A body without its byte order mark, which some clients write.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// A compression, and the place where it is named.
struct Named {
    place: &'static str,
    packing: String,
}

/// The compression that a text names, if any: `gzip`, `gzip:UTF-8`, `gzip, UTF-8`, `application/x-gzip`.
fn named(place: &'static str, text: &str) -> Option<Named> {
    let words = text.split([',', ':', ';', '=']).map(|word| {
        let word = word.trim().to_ascii_lowercase();
        let word = word.strip_prefix("application/").unwrap_or(&word);
        word.strip_prefix("x-").unwrap_or(word).to_owned()
    });
    let words: Vec<String> = words.filter(|word| !NO_PACKING.contains(&word.as_str())).collect();
    (!words.is_empty()).then(|| Named { place, packing: words.join(", ") })
}

fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(without_mark(body)).is_ok_and(|json| json.get().starts_with('{'))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const BODY: &[u8] = br#"{"order":{}}"#;

    fn gzip() -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(BODY).unwrap();
        packed.finish().unwrap()
    }

    fn zlib() -> Vec<u8> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(BODY).unwrap();
        packed.finish().unwrap()
    }

    fn deflate() -> Vec<u8> {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(BODY).unwrap();
        packed.finish().unwrap()
    }

    fn read(body: &[u8], encoding: &str, at_most: usize) -> Result<Vec<u8>, String> {
        let read = unpacked(body, Some(encoding), &BTreeMap::new(), at_most);
        read.map(Cow::into_owned).map_err(|rejection| rejection.message)
    }

    #[test]
    fn a_packed_body_is_read_by_the_names_that_clients_use() {
        for encoding in ["gzip", "GZIP", "x-gzip", "gzip:UTF-8", "gzip, UTF-8", "deflate", "utf-8; gzip"] {
            for body in [gzip(), zlib(), deflate(), BODY.to_vec()] {
                assert_eq!(read(&body, encoding, BODY.len()).as_deref(), Ok(BODY), "{encoding}");
            }
        }
        let kombu = BTreeMap::from([("compression".to_owned(), "application/x-gzip".to_owned())]);
        assert_eq!(unpacked(&zlib(), Some("utf-8"), &kombu, 100).as_deref(), Ok(BODY));
    }

    #[test]
    fn what_is_not_packed_stays_as_it_is() {
        for encoding in ["", "utf-8", "UTF-8", "identity", "none"] {
            assert_eq!(read(b"\x1f\x8b", encoding, 0).as_deref(), Ok(&b"\x1f\x8b"[..]), "{encoding}");
        }
        let marked = [&b"\xef\xbb\xbf"[..], BODY].concat();
        assert_eq!(read(&marked, "br", 0), Ok(marked));
    }

    #[test]
    fn what_cannot_be_unpacked_is_named() {
        let (whole, none) = (gzip(), BTreeMap::new());
        for (body, encoding, at_most, said) in [
            (&b"\xce"[..], "br", 100, "content_encoding: expected gzip or deflate, got \"br\""),
            (&whole, "gzip, br", 100, "content_encoding: expected gzip or deflate, got \"gzip, br\""),
            (
                &whole[..whole.len() - 9],
                "gzip",
                100,
                "content_encoding: gzip is named, but the body cannot be unpacked",
            ),
            (&whole, "gzip", BODY.len() - 1, "content_encoding: expected at most 11 bytes when unpacked, got more"),
        ] {
            assert_eq!(read(body, encoding, at_most), Err(said.to_owned()));
        }
        let kombu = BTreeMap::from([("compression".to_owned(), "application/x-bz2".to_owned())]);
        let said = unpacked(b"BZh9", Some("utf-8"), &kombu, 100).unwrap_err().message;
        assert_eq!(said, "compression: expected gzip or deflate, got \"bz2\"");
        assert!(unpacked(b"", None, &none, 0).is_ok());
    }

    #[test]
    fn a_body_that_would_unpack_without_end_is_unpacked_no_further_than_its_bound() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&vec![b' '; 50_000_000]).unwrap();
        let packed = packed.finish().unwrap();
        assert!(packed.len() < 100_000);
        assert!(read(&packed, "gzip", 1000).unwrap_err().contains("at most 1000 bytes"));
    }
}
