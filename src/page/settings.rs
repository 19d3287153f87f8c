//! Settings of the page, and the parts of other rooms that it works by.
//!
//! Not here: who may come in; see `access`.

use std::path::PathBuf;

use jiff::Timestamp;

use super::orders::Orders;
use crate::broker::{BrokerConfig, Holder};
use crate::dead_letters::mapped::Mappings;
use crate::domain::conventions::Conventions;

/// Settings of the page.
pub struct Settings {
    /// Settings of the broker.
    pub broker: BrokerConfig,
    /// Begins the mappings of the settings.
    pub mappings: Box<dyn Fn() -> Mappings + Send + Sync>,
    /// Conventions that an edited message must keep.
    pub conventions: Conventions,
    /// Orders of the API.
    pub orders: Box<dyn Orders>,
    /// The ledger. Without one nothing can be changed, exported or revealed.
    pub ledger: Option<PathBuf>,
    /// The process, as the lock and the ledger name it.
    pub process: Holder,
}

impl Settings {
    /// The name of somebody's work, for the lock and the ledger.
    pub(super) fn holder(&self, user: &str, command: &str) -> Holder {
        Holder { command: command.to_owned(), user: user.to_owned(), since: Timestamp::now(), ..self.process.clone() }
    }
}
