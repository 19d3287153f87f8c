//! A simulated Buy with Prime Order API: a GraphQL engine over schema files, rules, a ledger, faults.
//! Not here: anything of the other rooms. The simulator shares no type with the client that it checks.

mod behaviour;
mod config;
mod engine;
mod events;
mod fault;
mod graphql;
mod http;
mod input;
mod ledger;
mod magic;
mod names;
mod order;
mod pages;
mod refund;
mod refusal;
mod routes;
mod rules;
mod server;
mod service;
mod shown;
mod state;
mod store;
mod token;
mod tokens;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

pub use behaviour::{AliasCheck, Behaviour, Conflict, UnknownOrder};
pub use config::Config;
pub use events::{CallEvent, CallPhase};
pub use fault::{Allowance, Fault, FaultRule};
pub use ledger::{Effect, Ledger};
pub use names::{Alias, Operation, RefundState};
pub use order::{OrderView, PackageState};
pub use refusal::{Refusal, Shape};

use input::OrderIdentifier;
use state::State;

/// A running simulator, which stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    state: Arc<State>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Simulator {
    /// Starts the simulator.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(config).map_err(io::Error::other)?);
        let server = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { state, address, server })
    }

    /// URL of the GraphQL endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    /// URL of the token endpoint.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// The ledger so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.state.store().ledger.clone()
    }

    /// The order with this alias.
    #[must_use]
    pub fn order_by_alias(&self, alias_type: &str, alias_id: &str) -> Option<OrderView> {
        let alias = Alias { alias_type: alias_type.to_owned(), alias_id: alias_id.to_owned() };
        let identifier = OrderIdentifier { order_id: None, alias: Some(alias) };
        self.state.store().find(&identifier).map(order::Order::view)
    }

    /// Adds a fault rule; earlier rules are matched first.
    pub fn add_fault(&self, rule: FaultRule) {
        self.add_counted_fault(rule);
    }

    /// Adds a fault rule; the answer counts the calls that it hits.
    pub fn add_counted_fault(&self, rule: FaultRule) -> Arc<AtomicU64> {
        self.state.faults().add(rule)
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// Sets the package state of the order with an alias of this id. Returns whether there is such an order.
    pub fn set_package_state(&self, alias_id: &str, state: PackageState) -> bool {
        self.state.store().set_package_state(alias_id, state)
    }

    /// Opens a refund of a whole order, as Buy with Prime does after a shopper's return. `alias_id` is the id of any
    /// alias of the order. Returns the refund's id, or `None` without such an order.
    pub fn request_refund(&self, alias_id: &str) -> Option<String> {
        self.state.store().request_refund(alias_id)
    }

    /// The present behaviour.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        self.state.behaviour()
    }

    /// Changes the behaviour from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.behave(behaviour);
    }

    /// From now on no schema has these fields of answers, each `Type.field`; all others are there.
    ///
    /// # Errors
    /// The schema cannot do without them.
    pub fn leave_out(&self, fields: &[String]) -> Result<(), String> {
        self.state.dialects.leave_out(fields)
    }

    /// Makes every token issued so far invalid.
    pub fn revoke_tokens(&self) {
        self.state.tokens().revoke_all();
    }

    /// Events of all calls from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<CallEvent> {
        self.state.events.subscribe()
    }

    /// Closes the listener and every connection, and returns when they are closed.
    pub async fn shutdown(mut self) {
        self.server.abort();
        // the error says that the task was cancelled, which is intended
        (&mut self.server).await.ok();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
