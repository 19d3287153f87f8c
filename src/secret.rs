//! A value that must not be shown, given inline or as a file that may change while the process runs.
//!
//! Not here: the settings that are secrets, and their use.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

/// An inline secret, or a file that contains one. Clones share the value of the last read.
#[derive(Clone)]
pub struct Secret(Source);

#[derive(Clone)]
enum Source {
    Inline(SecretString),
    File(Arc<Mounted>),
}

struct Mounted {
    path: PathBuf,
    last: Mutex<Last>,
}

struct Last {
    value: SecretString,
    /// Whether the last read failed; the failure is already logged.
    lost: bool,
}

/// Reason why a file contains no secret. The path is left out: it may be a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read as text.
    #[error("cannot read the file: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is empty.
    #[error("expected a value in the file, got nothing")]
    Empty,
}

impl Secret {
    /// A secret in this file, without the line ends after it.
    ///
    /// # Errors
    /// The file cannot be read, or is empty.
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, SecretError> {
        let path = path.into();
        let last = Mutex::new(Last { value: value_in(&path)?, lost: false });
        Ok(Self(Source::File(Arc::new(Mounted { path, last }))))
    }

    /// The present value. A file is read again each time. If it cannot be read, or is empty during a replacement, the
    /// last value stays in force.
    ///
    /// A mounted secret is a few bytes in memory: the read needs no thread of its own in async code.
    pub fn read(&self) -> SecretString {
        match &self.0 {
            Source::Inline(value) => value.clone(),
            Source::File(file) => file.read(),
        }
    }

    /// Whether this is an empty inline secret, which in settings means that there is none.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Source::Inline(value) if value.expose_secret().is_empty())
    }
}

impl Mounted {
    fn read(&self) -> SecretString {
        let read = value_in(&self.path);
        // a panic cannot leave the state half written: both fields are set after the read
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(value) => *last = Last { value, lost: false },
            Err(error) if !last.lost => {
                last.lost = true;
                let path = self.path.display();
                tracing::warn!(%path, %error, "cannot use a secret's file, keeping its last value");
            }
            Err(_) => {}
        }
        last.value.clone()
    }
}

/// A value without line ends after it: what writes secrets to files, or encodes them, often adds one.
pub fn without_line_end(value: &str) -> &str {
    value.trim_end_matches(['\r', '\n'])
}

fn value_in(path: &Path) -> Result<SecretString, SecretError> {
    let text = std::fs::read_to_string(path)?;
    let value = without_line_end(&text);
    if value.is_empty() { Err(SecretError::Empty) } else { Ok(value.into()) }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Inline(_) => f.write_str("Secret(inline)"),
            Source::File(file) => write!(f, "Secret(`{}`)", file.path.display()),
        }
    }
}

impl From<SecretString> for Secret {
    fn from(value: SecretString) -> Self {
        Self(Source::Inline(value))
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        SecretString::from(value).into()
    }
}
