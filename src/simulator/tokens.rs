//! Valid access tokens.
//! Not here: the check of credentials (`token`).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Expiry of each token.
    alive: HashMap<String, Instant>,
}

impl Tokens {
    pub(super) fn issue(&mut self, lifetime: Duration) -> String {
        let token = format!("sim-token-{}", Uuid::new_v4());
        self.alive.insert(token.clone(), Instant::now() + lifetime);
        token
    }

    pub(super) fn is_alive(&self, token: &str) -> bool {
        self.alive.get(token).is_some_and(|until| Instant::now() < *until)
    }

    pub(super) fn revoke_all(&mut self) {
        self.alive.clear();
    }
}
