//! Everything that the pages share.
//!
//! Not here: any page.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::access::{Access, Visitor};
use super::bodies::Bodies;
use super::look::Look;
use super::orders::Orders;
use super::plans::Plans;
use super::running::Running;
use crate::broker::{BrokerConfig, Holder};
use crate::dead_letters::ledger::Ledger;
use crate::dead_letters::mapped::Mappings;
use crate::dead_letters::runs::Runs;
use crate::domain::conventions::Conventions;

/// What the page works with.
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

/// State of the page.
pub struct App {
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) look: Look,
    pub(super) bodies: Bodies,
    pub(super) plans: Plans,
    pub(super) running: Running,
}

impl App {
    /// The page's state, with the runs of earlier processes.
    ///
    /// # Errors
    /// The folder of runs cannot be made, or read.
    pub fn new(settings: Settings, access: Access) -> std::io::Result<Arc<Self>> {
        let runs = settings.ledger.as_deref().map(Runs::beside).transpose()?;
        if let Some(runs) = &runs {
            // a file that cannot be read is told now, and not when somebody needs it
            runs.all()?;
        }
        Ok(Arc::new(Self {
            look: Look::default(),
            bodies: Bodies::default(),
            plans: Plans::default(),
            running: Running::of(runs),
            access,
            settings,
        }))
    }

    /// Whether nothing can be changed, exported or revealed.
    pub(super) fn is_read_only(&self) -> bool {
        self.settings.ledger.is_none()
    }

    /// The name of a visitor's work, for the lock and the ledger.
    pub(super) fn holder(&self, visitor: &str, command: &str) -> Holder {
        Holder {
            command: command.to_owned(),
            user: visitor.to_owned(),
            since: Timestamp::now(),
            ..self.settings.process.clone()
        }
    }

    /// The ledger of a visitor's work.
    pub(super) fn ledger(&self, visitor: &Visitor, command: &str, why: Option<&str>) -> std::io::Result<Ledger> {
        let who = self.holder(&visitor.user, command);
        Ok(Ledger::open(self.settings.ledger.as_deref(), who, why.map(ToOwned::to_owned))?.durable())
    }
}
