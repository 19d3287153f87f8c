//! The API adapter against a server of the tests' own: what goes out, what is made of every answer, the life of a token.
//!
//! Not here: what is done about an error.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod errors;
mod fallback;
mod log;
mod requests;
mod sent_or_not;
mod settings;
mod stub;
mod tokens;
