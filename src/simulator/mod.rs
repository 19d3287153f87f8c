//! A Buy with Prime Order API to run against: a real GraphQL engine over schema files, real rules, a ledger, faults.
//! Not here: anything of the other rooms; the simulator shares no type with the client that it is there to check.

mod behaviour;
mod engine;
mod events;
mod fault;
mod graphql;
mod http;
mod input;
mod ledger;
mod magic;
mod order;
mod pages;
mod refund;
mod refusal;
mod rules;
mod server;
mod service;
mod state;
mod store;
mod token;
mod tokens;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

pub use behaviour::{AliasCheck, Behaviour, Conflict, UnknownOrder};
pub use events::{CallEvent, CallPhase};
pub use fault::{Allowance, Fault, FaultRule};
pub use ledger::{Alias, Effect, Ledger};
pub use order::{OrderView, PackageState};
pub use refund::RefundState;
pub use refusal::{Refusal, Shape};

use input::OrderIdentifier;
use state::State;

/// A running simulator. Dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    state: Arc<State>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// How a simulator is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The only client that gets tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// How long a token is good. The real API says 885 seconds.
    pub token_lifetime: Duration,
    /// Ids of the first orders; those of all others are made up.
    pub order_ids: Vec<String>,
    /// How it behaves at first.
    pub behaviour: Behaviour,
    /// Faults from the start.
    pub faults: Vec<FaultRule>,
    /// Seed for rules with a probability.
    pub seed: u64,
    /// Fields of answers that it does not know, as `Type.field`.
    pub unknown_fields: Vec<String>,
}

/// An operation that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// `POST /token`
    Token,
    /// The mutation `createOrder`
    CreateOrder,
    /// The mutation `updateOrder`
    UpdateOrder,
    /// The query `order`
    Order,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            client_id: "sim-client".to_owned(),
            client_secret: "sim-secret".to_owned(),
            token_lifetime: Duration::from_secs(885),
            order_ids: Vec::new(),
            behaviour: Behaviour::default(),
            faults: Vec::new(),
            seed: 0,
            unknown_fields: Vec::new(),
        }
    }
}

impl Simulator {
    /// Starts to listen and to answer.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(config).map_err(io::Error::other)?);
        let server = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self { state, address, server })
    }

    /// The URL for GraphQL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    /// The URL for tokens.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// What has happened so far.
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

    /// Adds a rule; earlier rules are asked first.
    pub fn add_fault(&self, rule: FaultRule) {
        self.add_counted_fault(rule);
    }

    /// The same, and counts the calls that the rule hits.
    pub fn add_counted_fault(&self, rule: FaultRule) -> Arc<AtomicU64> {
        self.state.faults().add(rule)
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        self.state.faults().clear();
    }

    /// Moves the packages of the order that has an alias of this id; answers whether there is such an order.
    pub fn set_package_state(&self, alias_id: &str, state: PackageState) -> bool {
        self.state.store().set_package_state(alias_id, state)
    }

    /// Opens a refund of the whole order that has an alias of this id, as Buy with Prime does when a shopper sends it
    /// back; answers the refund's id, `None` where there is no such order.
    pub fn request_refund(&self, alias_id: &str) -> Option<String> {
        self.state.store().request_refund(alias_id)
    }

    /// How it behaves now.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        self.state.behaviour()
    }

    /// Changes how it behaves from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.behave(behaviour);
    }

    /// Makes every token issued so far invalid.
    pub fn revoke_tokens(&self) {
        self.state.tokens().revoke_all();
    }

    /// The steps of all calls from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<CallEvent> {
        self.state.events.subscribe()
    }

    /// Closes the listener and every connection, and returns when that is done.
    pub async fn shutdown(mut self) {
        self.server.abort();
        // the error says that the task was cancelled, as it was
        (&mut self.server).await.ok();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Operation {
    /// The name as the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::CreateOrder => "createOrder",
            Self::UpdateOrder => "updateOrder",
            Self::Order => "order",
        }
    }
}
