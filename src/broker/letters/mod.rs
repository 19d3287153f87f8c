//! Dead letters in their queues: read, locked, copied to be replayed or exported, with the results of replays.
//!
//! Not here: how a worker writes a letter, which is a settlement of its session; which letters an operator means.

pub mod body_hash;
pub mod copy;
mod death;
pub mod letter;
pub mod letter_box;
pub mod lock;
pub mod replay_results;

pub use body_hash::BodyHash;
pub use copy::ExportedLetter;
pub use letter::{Place, StoredLetter, Summary};
pub use letter_box::{LetterBox, LetterBoxError, Pass};
pub use lock::{Holder, LockedLetterBox};
pub use replay_results::ReplayResults;
