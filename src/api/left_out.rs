//! Fields that the API does not know. They are not asked for again until a session with the broker begins: one wrong
//! reading must not disable a field for good.
//!
//! Not here: how a server says that it does not know a field.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::document::Written;
use super::wire::Complaint;
use crate::domain::stored::UnknownField;

/// The fields that are left out of every document.
#[derive(Debug, Default)]
pub(super) struct LeftOut(Mutex<Vec<UnknownField>>);

impl LeftOut {
    /// All fields that are left out.
    pub(super) fn all(&self) -> Vec<UnknownField> {
        self.fields().clone()
    }

    /// Asks for all fields again.
    pub(super) fn forget(&self) {
        self.fields().clear();
    }

    /// Leaves out the fields that a server complains of. Returns whether the document can do without one of them.
    pub(super) fn learn(&self, complaints: &[Complaint], written: &Written) -> bool {
        let mut learnt = false;
        for complaint in complaints {
            let Some(path) = written.path(complaint) else { continue };
            let name = complaint.named.as_ref().map(|field| format!("{}.{}", field.owner, field.name));
            self.leave_out(path, name);
            learnt = true;
        }
        learnt
    }

    /// Leaves a field out; its name is made from its path where the API has not told it.
    pub(super) fn leave_out(&self, path: &str, name: Option<String>) {
        let mut fields = self.fields();
        if fields.iter().any(|field| field.path == path) {
            return;
        }
        let name = name.unwrap_or_else(|| format!("order.{}", path.replace('/', ".")));
        tracing::warn!(field = name, "field not known to the API, left out until the next session with the broker");
        fields.push(UnknownField { path: path.to_owned(), name });
    }

    /// The list, also after a panic: it is whole after each statement.
    fn fields(&self) -> MutexGuard<'_, Vec<UnknownField>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
