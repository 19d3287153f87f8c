//! The work of operators with dead letters: look at them, choose some, edit, replay or discard them, and keep a record.
//!
//! Not here: AMQP; how anything is shown or asked.

pub mod archive;
pub mod browse;
pub mod discard;
pub mod edit;
mod fields;
pub mod filter;
pub mod found;
pub mod guard;
pub mod hold;
pub mod journal;
pub mod leaves;
pub mod ledger;
pub mod mapped;
pub mod message;
pub mod outcomes;
pub mod overview;
pub mod plan;
mod progress;
pub mod replay;
pub mod runs;
pub mod shown;
pub mod stats;
pub mod stored;
pub mod trial;
