//! Every error code that is known: its class, the decision that follows, advice to the operator. The single source.
//!
//! Not here: how an answer's error finds its row (`classify`), budgets and times (`decide`).

mod advice;
mod class;
mod listing;
mod own_code;
mod rows;

pub use advice::{EDITED_ACTION, MAPPED_ACTION, QUERY_ACTION, UNLISTED_ACTION, UNMAPPED_ACTION};
pub use class::{Budget, Class, Decision};
pub use listing::{Entry, entries};
pub use own_code::OwnCode;
pub use rows::{Row, rows};

/// Whether a code stands in a row or is one of the worker's own.
pub fn knows(code: &str) -> bool {
    codes().any(|known| known == code)
}

/// All codes, some of them several times.
pub fn codes() -> impl Iterator<Item = &'static str> {
    rows().filter_map(|row| row.code).chain(OwnCode::all().map(OwnCode::name))
}
