//! Support for tests against a real broker: broker, private nodes, relays, the real binaries.
//! Not here: any knowledge of the behaviour of `bwp-sync`.

pub(crate) mod amqp;
pub(crate) mod broker;
pub(crate) mod http;
pub(crate) mod management;
pub(crate) mod node;
pub(crate) mod private;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod relay;
pub(crate) mod seed;
pub(crate) mod settings;
pub(crate) mod until;
