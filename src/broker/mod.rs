//! RabbitMQ by lapin: takes messages, hands them on as jobs, carries out their settlements.
//!
//! Not here: what a message means, what becomes of it; no call of the API.

pub mod config;
pub mod connection;
mod consuming;
mod death;
mod depths;
mod harm;
mod hazards;
mod head;
pub mod inbound;
pub mod inspect;
mod intake;
pub mod letter;
pub mod letter_box;
pub mod letter_copy;
pub mod letter_lock;
mod lost;
pub mod management;
pub mod migrate;
pub mod migration_report;
pub mod outbox;
pub mod outgoing;
pub mod publish;
mod pump;
pub mod replay_results;
pub mod session;
pub mod settle;
pub mod topology;
pub mod transfer;
mod tries;

pub use config::{BrokerConfig, Names, TlsFiles, Unroutable};
pub use connection::{PERCENT_ENCODING, is_encrypted, is_unencoded};
pub use depths::begin_depths;
pub use harm::names_twice;
pub use hazards::{clocks, find_hazards};
pub use letter::{BodyHash, Place, StoredLetter, Summary};
pub use letter_box::{LetterBox, LetterBoxError, Pass};
pub use letter_copy::ExportedLetter;
pub use letter_lock::{Holder, LockedLetterBox};
pub use lost::begin_series;
pub use migrate::migrate;
pub use migration_report::{MigrateError, Step};
pub use outbox::{Outbox, event_properties};
pub use replay_results::ReplayResults;
pub use session::run;

/// A name as AMQP takes it: at most 255 bytes, cut at a character's border.
///
/// lapin panics on longer ones, and error codes of an API are not ours to bound.
pub(crate) fn short(name: &str) -> lapin::types::ShortString {
    lapin::types::ShortString::from(&name[..name.floor_char_boundary(255)])
}
