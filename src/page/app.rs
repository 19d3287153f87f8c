//! Everything that the pages share.
//!
//! Not here: any page.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::access::{Access, Visitor};
use super::bodies::Bodies;
use super::look::Look;
use super::plans::Plans;
use super::running::Running;
use super::settings::Settings;
use crate::dead_letters::ledger::Ledger;
use crate::dead_letters::runs::Runs;

/// State of the page.
pub struct App {
    pub(super) settings: Arc<Settings>,
    pub(super) access: Access,
    pub(super) look: Arc<Look>,
    pub(super) bodies: Arc<Bodies>,
    pub(super) plans: Plans,
    pub(super) running: Arc<Running>,
}

impl App {
    /// The page's state, with the runs of earlier processes.
    ///
    /// # Errors
    /// The folder of runs cannot be made, or read.
    pub fn new(settings: Settings, access: Access) -> std::io::Result<Arc<Self>> {
        let runs = settings.ledger.as_deref().map(Runs::beside).transpose()?;
        if let (Some(runs), Some(path)) = (&runs, &settings.ledger) {
            // a file that cannot be read or written is told now, and not when somebody needs it
            runs.all()?;
            Ledger::open(Some(path), settings.process.clone(), None)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        let (settings, look, bodies) = (Arc::new(settings), Arc::<Look>::default(), Arc::<Bodies>::default());
        let running = Running::new(Arc::clone(&settings), Arc::clone(&look), Arc::clone(&bodies), runs);
        Ok(Arc::new(Self { settings, access, look, bodies, plans: Plans::default(), running: Arc::new(running) }))
    }

    /// Whether nothing can be changed, exported or revealed.
    pub(super) fn is_read_only(&self) -> bool {
        self.settings.ledger.is_none()
    }

    /// The ledger of a visitor's work.
    pub(super) fn ledger(&self, visitor: &Visitor, command: &str, why: Option<&str>) -> std::io::Result<Ledger> {
        let who = self.settings.holder(&visitor.user, command);
        Ok(Ledger::open(self.settings.ledger.as_deref(), who, why.map(ToOwned::to_owned))?.durable())
    }
}
