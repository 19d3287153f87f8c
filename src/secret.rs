//! A value that must not be shown, given as it is or as a file that may change while we run.
//!
//! Not here: which settings are secrets; what they are for.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

/// A secret, or the file that it is mounted as. Clones share what was last read.
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
    /// The file could not be read the last time, which has been said.
    lost: bool,
}

/// Why a file does not hold a secret. The path is not shown: it may be a secret that was given in the wrong place.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be read as text.
    #[error("cannot read the file: {0}")]
    Unreadable(#[from] io::Error),
    /// There is nothing in it.
    #[error("expected a value in the file, got nothing")]
    Empty,
}

impl Secret {
    /// The secret that stands in this file. Line ends after it are not part of it.
    ///
    /// # Errors
    /// A file that cannot be read or holds nothing.
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, SecretError> {
        let path = path.into();
        let last = Mutex::new(Last { value: value_in(&path)?, lost: false });
        Ok(Self(Source::File(Arc::new(Mounted { path, last }))))
    }

    /// The secret as it is now. A file is read again each time; while it cannot be, or is empty because it is being
    /// replaced, what it last held stays in force.
    ///
    /// A mounted secret is a few bytes in memory, so this is not worth a thread of its own in async code.
    pub fn read(&self) -> SecretString {
        match &self.0 {
            Source::Inline(value) => value.clone(),
            Source::File(file) => file.read(),
        }
    }

    /// Whether it is an inline secret of no length, which is how settings say that there is none.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Source::Inline(value) if value.expose_secret().is_empty())
    }
}

impl Mounted {
    fn read(&self) -> SecretString {
        let read = value_in(&self.path);
        // a panic cannot leave it half written: both fields are set after the reading
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(value) => *last = Last { value, lost: false },
            Err(error) if !last.lost => {
                last.lost = true;
                let path = self.path.display();
                tracing::warn!(%path, %error, "a secret's file cannot be used, what it last held stays in force");
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
