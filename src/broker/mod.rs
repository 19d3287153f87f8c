//! RabbitMQ by lapin: takes messages, hands them on as jobs, carries out their settlements.
//!
//! Not here: what a message means, what becomes of it; no call of the API.
//!
//! `tests/it/arrows.rs` knows which folder imports which. The files beside the folders import none of them.

pub mod config;
pub mod connection;
pub mod copies;
pub mod definitions;
pub mod headers;
pub mod outbox;
pub mod publish;
pub mod topology;
mod under_way;

pub mod letters;
pub mod migration;
pub mod preflight;
pub mod session;

pub use config::{BrokerConfig, Names, TlsFiles, Unroutable};
pub use connection::{PERCENT_ENCODING, is_encrypted, is_unencoded};
pub use definitions::definitions;
pub use letters::{
    BodyHash, ExportedLetter, Holder, LetterBox, LetterBoxError, LockedLetterBox, Pass, Place, ReplayResults,
    StoredLetter, Summary,
};
pub use migration::{MigrateError, Step, migrate};
pub use outbox::{Outbox, event_properties, json_properties};
pub use preflight::{clocks, find_hazards, names_twice};
pub use session::{begin_depths, begin_series, run};
