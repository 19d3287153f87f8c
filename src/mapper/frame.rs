//! Frames on the pipes between worker and child: a length of four bytes, and so many bytes.
//!
//! Not here: their content, other than the request's.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

/// Most bytes of a frame: a packed body of the largest size, unpacked, and more.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// First byte of a reply: an answer follows.
pub(super) const ANSWER: u8 = b'a';
/// First byte of a reply: the reason of a failure follows.
pub(super) const FAILURE: u8 = b'f';

/// A message to be mapped; its body is the next frame.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Request {
    /// Position of the mapping.
    pub(super) mapping: usize,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) routing_key: String,
    /// Not the answer is asked for, but where the mapping fails: a JSON of `Option<Explained>`.
    pub(super) explain: bool,
}

/// The length of a frame as it is written.
pub(super) fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("a frame is too long"))?;
    Ok(length.to_be_bytes())
}

/// The length that was read.
pub(super) fn expected(length: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_BYTES { Err(io::Error::other("a frame is too long")) } else { Ok(length) }
}

/// The next frame; none at the end.
pub(super) fn read(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    match input.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; expected(head)?];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

pub(super) fn write(output: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    output.write_all(&length(bytes)?)?;
    output.write_all(bytes)?;
    output.flush()
}
