//! A private broker node, which a test can kill and restart, run by `scripts/rabbitmq`.
//! Not here: the broker that tests share; see `broker`.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use tempfile::TempDir;

use super::broker::Broker;
use super::until::until;

/// A private node; stopped and removed when dropped.
pub(crate) struct Node {
    broker: Broker,
    variables: String,
    directory: TempDir,
}

impl Node {
    /// Starts a node and waits until it is ready, which takes about 7 s.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a node with variables for `scripts/rabbitmq start`, such as those for a TLS listener.
    pub(crate) async fn start_with(environment: &[(&str, &Path)]) -> Self {
        let directory = TempDir::with_prefix("bwp-node-").expect("a temporary folder can be made");
        let mut start = script(directory.path(), "start", &[]);
        start.envs(environment.iter().copied());
        let output = on_a_thread(start).await;
        let variables = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |name| printed(&variables, name);
        let broker = Broker::at(value("BWP__BROKER__URI"), value("BWP__BROKER__MANAGEMENT_URI"));
        Self { broker, variables, directory }
    }

    /// Starts a node that joins the cluster of this one. A node that was joined must be dropped last.
    pub(crate) async fn start_beside(&self) -> Self {
        Self::start_with(&[("BWP_NODE_JOIN", self.directory.path())]).await
    }

    /// Starts a cluster, which takes about 20 s. The node that the others joined is the last, so that it is dropped last.
    pub(crate) async fn cluster(size: usize) -> Vec<Self> {
        let first = Self::start().await;
        let mut nodes = join_all((1..size).map(|_| first.start_beside())).await;
        nodes.push(first);
        nodes
    }

    /// Where the node's TLS listener is, for a node that was started with one: host and port.
    pub(crate) fn tls_address(&self) -> String {
        let uri = printed(&self.variables, "BWP_NODE_AMQPS_URI");
        let at = uri.split('@').nth(1).and_then(|rest| rest.split('/').next());
        at.expect("the address has a host").to_owned()
    }

    /// Makes the quorum queues and bindings that were declared so far survive a kill.
    ///
    /// RabbitMQ writes their names to disk after half a second without a declaration. A queue with a lost name restarts
    /// empty and without a leader. With 3.10.8, consuming it then times out.
    pub(crate) async fn persist(&self) {
        self.ctl(&["eval", "[ok = dets:sync(Table) || Table <- dets:all()], mnesia:sync_log()."]).await;
    }

    /// Lets the leader of a queue answer nothing for a while. Heartbeats go on.
    pub(crate) async fn suspend_leader(&self, vhost: &str, queue: &str, time: Duration) {
        let hang = format!(
            "{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{vhost}\">>, queue, <<\"{queue}\">>)),
            Leader = amqqueue:get_pid(Queue), ok = sys:suspend(Leader),
            spawn(fun() -> timer:sleep({}), sys:resume(Leader) end), ok.",
            time.as_millis()
        );
        assert_eq!(self.ctl(&["eval", &hang]).await.trim(), "ok");
    }

    /// Kills the broker with SIGKILL and waits until it is dead. See [`Node::persist`].
    pub(crate) async fn kill(&self) {
        on_a_thread(script(self.directory.path(), "kill", &[])).await;
    }

    /// Stops the broker in an orderly way, and waits until it has ended.
    pub(crate) async fn shut_down(&self) {
        on_a_thread(script(self.directory.path(), "shutdown", &[])).await;
    }

    /// Starts the stopped or killed node again, with its ports and data, and waits until it is ready.
    pub(crate) async fn restart(&self) {
        on_a_thread(script(self.directory.path(), "restart", &[])).await;
    }

    /// Stops the broker's process where it is, or lets it go on: its connections stay open meanwhile, and nobody answers.
    pub(crate) async fn freeze(&self, frozen: bool) {
        let command = if frozen { "freeze" } else { "thaw" };
        on_a_thread(script(self.directory.path(), command, &[])).await;
    }

    /// An alarm that is raised and lifted within a moment: the node waits for the word, and `rabbitmqctl` is started before.
    pub(crate) fn alarm_on_call(&self) -> Alarm<'_> {
        Alarm(self)
    }

    /// Runs `rabbitmqctl`, for what neither AMQP nor the management API can do, such as raising an alarm.
    pub(crate) async fn ctl(&self, arguments: &[&str]) -> String {
        let output = on_a_thread(script(self.directory.path(), "ctl", arguments)).await;
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// An alarm about memory; files in the node's folder are the words.
pub(crate) struct Alarm<'n>(&'n Node);

impl Alarm<'_> {
    /// Has the node listen, until the alarm is lifted.
    pub(crate) async fn obey(&self) {
        let [prepared, raise, lift] = ["prepared", "raise", "lift"].map(|word| format!("{:?}", self.path(word)));
        let program = format!(
            "S = fun(L) -> vm_memory_monitor:set_vm_memory_high_watermark(L) end, \
             W = fun W(F) -> case filelib:is_file(F) of true -> ok; false -> timer:sleep(20), W(F) end end, \
             file:write_file({prepared}, <<>>), W({raise}), S(0.0), W({lift}), S(0.9)."
        );
        self.0.ctl(&["eval", &program]).await;
    }

    /// Waits until the node listens.
    pub(crate) async fn is_prepared(&self) {
        let path = self.path("prepared");
        until("the node listens", Duration::from_secs(300), async || path.exists(), |is_there| *is_there).await;
    }

    pub(crate) fn raise(&self) {
        self.say("raise");
    }

    pub(crate) fn lift(&self) {
        self.say("lift");
    }

    fn say(&self, word: &str) {
        std::fs::write(self.path(word), "").expect("a file can be written");
    }

    fn path(&self, word: &str) -> PathBuf {
        self.0.directory.path().join(format!("alarm.{word}"))
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
        // its data is not needed any more: an orderly stop would only take seconds
        for command in ["kill", "stop"] {
            drop(script(self.directory.path(), command, &[]).status());
        }
    }
}

/// Value that the script printed for a variable.
fn printed<'a>(variables: &'a str, name: &str) -> &'a str {
    let line = variables.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
    line.unwrap_or_else(|| panic!("scripts/rabbitmq start printed no {name}"))
}

async fn on_a_thread(mut script: Command) -> Output {
    let output = tokio::task::spawn_blocking(move || script.output()).await.expect("the thread runs to its end");
    let output = output.expect("scripts/rabbitmq can be run");
    assert!(
        output.status.success(),
        "scripts/rabbitmq: {}\n{}",
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
