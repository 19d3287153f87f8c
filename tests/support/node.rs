//! A broker node of one test's own, to be killed and restarted, run by `scripts/rabbitmq`.
//! Not here: the broker that tests share; see `broker`.

use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::broker::Broker;

/// A private node; stopped and removed when dropped.
pub(crate) struct Node {
    broker: Broker,
    directory: TempDir,
}

impl Node {
    /// Starts a node and waits until it is ready, which takes about 7 s.
    pub(crate) async fn start() -> Self {
        let directory = TempDir::with_prefix("bwp-node-").expect("a temporary folder can be made");
        let output = on_a_thread(directory.path(), "start", &[]).await;
        let variables = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |name: &str| {
            let line = variables.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.unwrap_or_else(|| panic!("scripts/rabbitmq start printed no {name}")).to_owned()
        };
        let broker = Broker::at(&value("BWP__BROKER__URI"), &value("BWP__BROKER__MANAGEMENT_URI"));
        Self { broker, directory }
    }

    /// Makes the quorum queues that were declared so far outlive a kill.
    ///
    /// RabbitMQ writes down their names only after half a second without a declaration. One whose name was lost
    /// starts anew after the restart, empty and without a leader (seen with 3.10.8, where consuming it then times out).
    pub(crate) async fn persist_queues(&self) {
        self.ctl(&["eval", "[ok = dets:sync(Table) || Table <- dets:all()]."]).await;
    }

    /// Kills the broker with SIGKILL and waits until it is dead. See [`Node::persist_queues`].
    pub(crate) async fn kill(&self) {
        on_a_thread(self.directory.path(), "kill", &[]).await;
    }

    /// Starts the killed node again, on the same ports with the same data, and waits until it is ready.
    pub(crate) async fn restart(&self) {
        on_a_thread(self.directory.path(), "restart", &[]).await;
    }

    /// Runs `rabbitmqctl`, for what neither AMQP nor the management API can do, such as raising an alarm.
    pub(crate) async fn ctl(&self, arguments: &[&str]) -> String {
        let output = on_a_thread(self.directory.path(), "ctl", arguments).await;
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Deref for Node {
    type Target = Broker;

    fn deref(&self) -> &Broker {
        &self.broker
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // its data is of no more use, so it need not close down cleanly, which takes seconds
        for command in ["kill", "stop"] {
            drop(script(self.directory.path(), command, &[]).status());
        }
    }
}

async fn on_a_thread(directory: &Path, command: &str, arguments: &[&str]) -> Output {
    let mut script = script(directory, command, arguments);
    let output = tokio::task::spawn_blocking(move || script.output()).await.expect("the thread runs to its end");
    let output = output.expect("scripts/rabbitmq can be run");
    assert!(
        output.status.success(),
        "scripts/rabbitmq {command}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn script(directory: &Path, command: &str, arguments: &[&str]) -> Command {
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/rabbitmq"));
    script.arg(command).arg(directory).args(arguments).stdin(Stdio::null());
    script
}
