//! Questions of the page to the API: reads alone.
//!
//! Not here: the reads themselves; see `dead_letters::found` and `dead_letters::guard`.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::dead_letters::found::Found;
use crate::dead_letters::guard::Warning;
use crate::dead_letters::plan::Planned;

/// Reads of orders.
#[async_trait]
pub trait Orders: Send + Sync {
    /// The order by the shop's id, or by Buy with Prime's.
    async fn find(&self, id: &str) -> Found;

    /// Orders of letters that may be replayed for nothing.
    async fn warnings(&self, letters: &[Planned]) -> BTreeMap<String, Warning>;
}
