//! A running broker, a virtual host for one test, and the host's state in the management API.
//! Not here: starting and stopping nodes; see `node`.

use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use super::management::Management;
use super::until::until;

/// How long a new virtual host may take to run on all nodes.
const RUNS_WITHIN: Duration = Duration::from_secs(60);

/// A broker that is already running.
#[derive(Clone)]
pub(crate) struct Broker {
    amqp: Url,
    management: Management,
    /// Whether other tests use the broker: virtual hosts are deleted from a shared one only.
    shared: bool,
}

impl Broker {
    /// The broker that all tests share, each in a virtual host of its own. Fails without its addresses.
    pub(crate) fn shared() -> Self {
        let at = Self::at(&variable("BWP_TEST_AMQP_URI"), &variable("BWP_TEST_MANAGEMENT_URI"));
        Self { shared: true, ..at }
    }

    /// A private broker at these addresses, both with user name and password.
    pub(crate) fn at(amqp: &str, management: &str) -> Self {
        let url = |text: &str| Url::parse(text).unwrap_or_else(|error| panic!("{error}: expected a URI, got {text:?}"));
        Self { amqp: url(amqp), management: Management::new(url(management)), shared: false }
    }

    /// Host and port of AMQP, as a relay needs them.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.amqp.host_str().unwrap_or("127.0.0.1"), self.amqp.port().unwrap_or(5672))
    }

    /// Creates a virtual host with a unique name, which is deleted with the returned value.
    pub(crate) async fn vhost(&self) -> Vhost {
        let vhost = Vhost { broker: self.clone(), name: format!("test-{}", Uuid::new_v4()) };
        let management = &self.management;
        management.put(&["vhosts", &vhost.name], json!({})).await;
        vhost.runs_everywhere().await;
        vhost.may_configure(".*").await;
        vhost
    }
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: these tests need a broker\nhint: run scripts/test"))
}

/// A virtual host for one test; deleted from the shared broker when dropped.
pub(crate) struct Vhost {
    broker: Broker,
    name: String,
}

impl Vhost {
    /// Waits until every node of a cluster serves it. One that has just joined does not before it is told (seen with 3.10.8).
    async fn runs_everywhere(&self) {
        let look = async || {
            let shown = self.broker.management.get(&["vhosts", &self.name]).await.unwrap_or_default();
            let of_nodes = shown["cluster_state"].as_object().cloned().unwrap_or_default();
            for (node, _) in of_nodes.iter().filter(|(_, state)| *state != "running") {
                self.broker.management.post(&["vhosts", &self.name, "start", node], json!({})).await;
            }
            of_nodes
        };
        let all_run =
            |of_nodes: &Map<String, Value>| !of_nodes.is_empty() && of_nodes.values().all(|state| *state == "running");
        until("the virtual host runs on all nodes", RUNS_WITHIN, look, all_run).await;
    }

    /// Where a client of this virtual host connects to.
    pub(crate) fn amqp_uri(&self) -> String {
        self.amqp_uri_through(&self.broker.address())
    }

    /// Imports definitions, as an operator does.
    pub(crate) async fn import(&self, definitions: Value) {
        self.broker.management.post(&["definitions"], definitions).await;
    }

    /// A user without any permission, named like the virtual host and deleted with it; the address for it.
    pub(crate) async fn user(&self) -> String {
        let user = json!({ "password": "secret", "tags": "" });
        self.broker.management.put(&["users", &self.name], user).await;
        format!("amqp://{}:secret@{}/{}", self.name, self.broker.address(), self.name)
    }

    /// Allows the user of [`Vhost::user`] to configure, write and read resources with names of these patterns.
    pub(crate) async fn user_may(&self, configure: &str, write: &str, read: &str) {
        let permissions = json!({ "configure": configure, "write": write, "read": read });
        self.broker.management.put(&["permissions", &self.name, &self.name], permissions).await;
    }

    /// Allows its user to declare and delete only resources with names of this pattern, and to use all.
    pub(crate) async fn may_configure(&self, names: &str) {
        let permissions = json!({ "configure": names, "write": ".*", "read": ".*" });
        let path = ["permissions", &self.name, self.broker.amqp.username()];
        self.broker.management.put(&path, permissions).await;
    }

    /// Sets the most queues that the virtual host may have; -1 for no bound.
    pub(crate) async fn may_have_queues(&self, most: i64) {
        let path = ["vhost-limits", &self.name, "max-queues"];
        self.broker.management.put(&path, json!({ "value": most })).await;
    }

    /// From now on what a policy says holds for queues with such names, beside what they were declared with.
    pub(crate) async fn set_policy(&self, pattern: &str, definition: Value) {
        let policy = json!({ "pattern": pattern, "definition": definition, "apply-to": "queues" });
        self.broker.management.put(&["policies", &self.name, "test"], policy).await;
    }

    /// Sets an operator's policy for the queues with names of this pattern.
    pub(crate) async fn set_operator_policy(&self, pattern: &str, definition: Value) {
        let policy = json!({ "pattern": pattern, "definition": definition, "apply-to": "queues" });
        self.broker.management.put(&["operator-policies", &self.name, "operators"], policy).await;
    }

    /// The address through another host and port, such as a relay's.
    pub(crate) fn amqp_uri_through(&self, address: &str) -> String {
        let (user, password) = (self.broker.amqp.username(), self.broker.amqp.password().unwrap_or_default());
        format!("amqp://{user}:{password}@{address}/{}", self.name)
    }

    /// Name of the virtual host.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The queue of this name, if there is one.
    pub(crate) async fn queue(&self, name: &str) -> Option<Queue> {
        self.broker.management.get(&["queues", &self.name, name]).await.as_ref().map(Queue::read)
    }

    /// All queues of the virtual host.
    pub(crate) async fn queues(&self) -> Vec<Queue> {
        self.broker.management.list(&["queues", &self.name]).await.iter().map(Queue::read).collect()
    }

    /// Deletes a queue with its messages.
    pub(crate) async fn delete_queue(&self, name: &str) {
        self.broker.management.delete(&["queues", &self.name, name]).await;
    }

    /// Deletes the ready messages of a queue.
    pub(crate) async fn purge(&self, queue: &str) {
        self.broker.management.delete(&["queues", &self.name, queue, "contents"]).await;
    }

    /// All exchanges: name, and whether the exchange is durable.
    pub(crate) async fn exchanges(&self) -> Vec<(String, bool)> {
        let shown = self.broker.management.list(&["exchanges", &self.name]).await;
        shown.iter().map(|exchange| (text(&exchange["name"]), exchange["durable"] == true)).collect()
    }

    /// All bindings of named exchanges: exchange, routing key, queue.
    pub(crate) async fn bindings(&self) -> Vec<(String, String, String)> {
        let shown = self.broker.management.list(&["bindings", &self.name]).await;
        let named = shown.iter().filter(|binding| binding["source"] != "");
        named.map(|it| (text(&it["source"]), text(&it["routing_key"]), text(&it["destination"]))).collect()
    }

    /// From now on a queue gets everything that is published to an exchange, or nothing.
    pub(crate) async fn bind(&self, exchange: &str, queue: &str, bound: bool) {
        let (management, all) = (&self.broker.management, "#");
        let path = ["bindings", &self.name, "e", exchange, "q", queue];
        match bound {
            true => management.post(&path, json!({ "routing_key": all })).await,
            // where a binding is named after its key, the key is encoded
            false => management.delete(&[&path[..], &["%23"]].concat()).await,
        }
    }

    /// Deletes an exchange with its bindings.
    pub(crate) async fn delete_exchange(&self, name: &str) {
        self.broker.management.delete(&["exchanges", &self.name, name]).await;
    }

    /// All consumers. A new consumer is left out until the management API shows its channel, and while its node starts, its
    /// prefetch.
    pub(crate) async fn consumers(&self) -> Vec<Consumer> {
        let shown = self.broker.management.list(&["consumers", &self.name]).await;
        shown.iter().filter_map(Consumer::read).filter(|consumer| !consumer.channel.is_empty()).collect()
    }

    /// All open connections. A new one appears after the broker's statistics interval.
    pub(crate) async fn connections(&self) -> Vec<Connection> {
        let path = ["vhosts", &self.name, "connections"];
        self.broker.management.list(&path).await.iter().map(Connection::read).collect()
    }

    /// The broker's names of the open channels of a connection that the client calls so.
    pub(crate) async fn channels_of(&self, client: &str) -> Vec<String> {
        let connections = self.connections().await;
        let is_its = |channel: &Value| {
            let of = &channel["connection_details"]["name"];
            connections.iter().any(|it| it.client_name == client && *of == it.name.as_str())
        };
        let shown = self.broker.management.list(&["vhosts", &self.name, "channels"]).await;
        let mut names: Vec<_> = shown.iter().filter(|it| is_its(it)).map(|it| text(&it["name"])).collect();
        names.sort();
        names
    }

    /// Makes the broker close all connections that it shows, with a `connection.close` to each client.
    pub(crate) async fn close_connections(&self) {
        self.close_connections_of("").await;
    }

    /// Makes the broker close the connections with a client-provided name that starts with `client`.
    pub(crate) async fn close_connections_of(&self, client: &str) {
        for connection in self.connections().await {
            if connection.client_name.starts_with(client) {
                self.broker.management.delete(&["connections", &connection.name]).await;
            }
        }
    }

    /// Makes the broker close the connection of this name.
    pub(crate) async fn close_connection(&self, name: &str) {
        self.broker.management.delete(&["connections", name]).await;
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        if !self.broker.shared {
            return;
        }
        let (management, name) = (self.broker.management.clone(), self.name.clone());
        // a thread of its own: a runtime cannot be blocked within another
        let deleted = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(async {
                management.delete(&["vhosts", &name]).await;
                management.delete(&["users", &name]).await;
            });
        });
        let deleted = deleted.join();
        // a failed test has given its reason already
        if !std::thread::panicking() {
            deleted.expect("the virtual host can be deleted");
        }
    }
}

/// State and declaration of a queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    /// Messages that are ready for delivery.
    pub(crate) ready: u64,
    /// Messages that are delivered and not acknowledged.
    pub(crate) unacknowledged: u64,
    /// Arguments of the declaration, `x-…`.
    pub(crate) arguments: Value,
}

impl Queue {
    fn read(shown: &Value) -> Self {
        Self {
            name: text(&shown["name"]),
            ready: shown["messages_ready"].as_u64().unwrap_or_default(),
            unacknowledged: shown["messages_unacknowledged"].as_u64().unwrap_or_default(),
            arguments: shown["arguments"].clone(),
        }
    }
}

/// A consumer and its channel.
#[derive(Debug)]
pub(crate) struct Consumer {
    pub(crate) queue: String,
    pub(crate) tag: String,
    /// The broker's name of the channel, unique for each session.
    pub(crate) channel: String,
    /// The broker's name of the connection.
    pub(crate) connection: String,
    /// Prefetch of the consumer; 0 means no bound.
    pub(crate) prefetch: u64,
    /// Whether the queue delivers to this consumer; with a single active consumer only one is active.
    pub(crate) active: bool,
}

impl Consumer {
    fn read(shown: &Value) -> Option<Self> {
        Some(Self {
            queue: text(&shown["queue"]["name"]),
            tag: text(&shown["consumer_tag"]),
            channel: text(&shown["channel_details"]["name"]),
            connection: text(&shown["channel_details"]["connection_name"]),
            active: shown["active"] == true,
            prefetch: shown["prefetch_count"].as_u64()?,
        })
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The broker's name of the connection: the addresses of both ends.
    pub(crate) name: String,
    /// The client-provided name.
    pub(crate) client_name: String,
}

impl Connection {
    fn read(shown: &Value) -> Self {
        Self { name: text(&shown["name"]), client_name: text(&shown["client_properties"]["connection_name"]) }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
