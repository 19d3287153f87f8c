//! `bwp-sync dead-letters …` as an operator runs it, and letters for it to work on.
//! Not here: what should come of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use bwp_sync::simulator::{Fault, FaultRule, Operation, Refusal};
use futures_util::StreamExt;
use futures_util::stream;
use lapin::types::{AMQPValue, FieldTable};
use regex::Regex;
use tokio::process::Command;

use crate::messages::{Message, checkout_of, fulfillment};
use crate::stage::{LETTERS, SOON, Stage};
use crate::support::private::assert_nothing_private;
use crate::support::process::Process;
use crate::support::program::{CREDENTIALS, addresses, bwp_sync};

/// The product whose orders are refused until the simulator is told otherwise.
pub(crate) const REFUSED: &str = "refused";

/// Settings of a worker that gets hundreds of letters at once. On a busy machine a hundred calls at a time take long, and none of
/// them may fail.
pub(crate) const PATIENT: [(&str, &str); 3] =
    [("BWP__API__TIMEOUT", "60s"), ("BWP__SHUTDOWN__GRACE", "70s"), ("BWP__BROKER__PREFETCH", "100")];

/// Output of a run of the tool, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Its output for a snapshot: values that differ from run to run are named, not shown.
    pub(crate) fn shown(&self) -> String {
        let Self { code, stdout, stderr } = self;
        let mut text = format!("exit code {}\n", code.unwrap_or(-1));
        for (name, output) in [("stdout", stdout), ("stderr", stderr)] {
            if !output.is_empty() {
                write!(text, "--- {name}\n{output}").unwrap();
            }
        }
        stable(&text)
    }
}

/// Times, ages, run ids, versions, addresses and process ids replaced by their names.
pub(crate) fn stable(text: &str) -> String {
    let replacements = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "(time)"),
        (r"run [0-9a-f-]{36}", "run (id)"),
        (r"(bwp-replay-id +)[0-9a-f-]{36}", "$1(id)"),
        (r"(bwp-worker-version +)\d+\.\d+\.\d+", "$1(version)"),
        (r"test-[0-9a-f-]{36}", "(vhost)"),
        (r"process \d+", "process (pid)"),
        (r"(by|user) \S+( \d+)? on \S+,", "by (user) on (host),"),
        (r"\b\d+[smh]( old)", "(age)$1"),
        (r"newest \d+[smh]", "newest (age)"),
        (r"  +\d+[smhd]  ", "  (age)  "),
        (r"127\.0\.0\.1:\d+", "(address)"),
        (r"\d+ letters in use", "(n) letters in use"),
    ];
    replacements.iter().fold(text.to_owned(), |text, (pattern, name)| {
        Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}

impl Stage {
    /// Settings by which the tool finds broker and API.
    pub(crate) fn tool_settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("BWP__BROKER__URI", self.vhost.amqp_uri()), ("USER", "operator".into())];
        settings.extend(addresses(&self.simulator));
        settings.extend(CREDENTIALS.map(|(name, value)| (name, value.to_owned())));
        settings
    }

    /// Runs the tool to its end.
    pub(crate) async fn tool(&self, arguments: &[&str]) -> Ran {
        self.tool_with(arguments, &[]).await
    }

    /// Runs the tool with these settings over the usual ones.
    pub(crate) async fn tool_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
        self.bwp_sync(&[&["dead-letters"], arguments].concat(), settings).await
    }

    /// Runs any command of the binary to its end, likewise.
    pub(crate) async fn bwp_sync(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bwp-sync"));
        command.args(arguments).env_clear().stdin(std::process::Stdio::null());
        command.envs(self.tool_settings()).envs(settings.iter().copied()).kill_on_drop(true);
        let output = tokio::time::timeout(SOON * 2, command.output()).await.expect("the tool ends in time").unwrap();
        let Output { status, stdout, stderr } = output;
        let text = |bytes| String::from_utf8(bytes).expect("the tool writes text");
        let ran = Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
        if !arguments.contains(&"--reveal") {
            assert_nothing_private("stdout", &ran.stdout);
            assert_nothing_private("stderr", &ran.stderr);
        }
        ran
    }

    /// Starts the tool.
    pub(crate) fn starting_tool(&self, arguments: &[&str]) -> Process {
        self.starting_tool_with(arguments, &[])
    }

    /// Starts the tool with these settings over the usual ones.
    pub(crate) fn starting_tool_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
        let usual = self.tool_settings();
        let usual: Vec<_> = usual.iter().map(|(name, value)| (*name, value.as_str())).collect();
        bwp_sync(&[&["dead-letters"], arguments].concat(), &[&usual, settings].concat())
    }

    /// Every create of the refused product is refused, until [`Stage::mend`].
    pub(crate) fn refuse(&self) {
        let refusal = Fault::refuse(Refusal::validation("ItemOutOfStock"));
        self.simulator.add_fault(FaultRule::always(refusal).on(Operation::CreateOrder).for_product(REFUSED));
    }

    /// From now on every order is taken.
    pub(crate) fn mend(&self) {
        self.simulator.clear_faults();
    }

    /// Has the worker write letters of these orders, one after the other.
    pub(crate) async fn letters_of(&self, orders: &[&str]) {
        self.refuse();
        let mut results = self.shop.listen("bwp.results", "#").await;
        for (written, order) in orders.iter().enumerate() {
            self.publish(&checkout_of(order, REFUSED)).await;
            results.until(SOON, |seen| seen.len() > written).await;
        }
    }

    /// Puts letters into the queue as a worker would have written them, without one.
    pub(crate) async fn written_letters(&self, count: usize) {
        let letters = stream::iter(0..count).map(|number| async move {
            let order = format!("SO-{number}");
            let message = checkout_of(&order, REFUSED);
            let properties = letter_properties(&message, &order, "createOrder");
            self.shop.publish("", LETTERS, properties, &message.body).await;
        });
        letters.buffer_unordered(500).collect::<()>().await;
    }

    /// A letter of a fulfillment, likewise.
    pub(crate) async fn written_follower(&self, order: &str) {
        let message = fulfillment(order);
        let properties = letter_properties(&message, order, "updateOrder");
        self.shop.publish("", LETTERS, properties, &message.body).await;
    }

    /// Every letter that the tool lists, as JSON.
    pub(crate) async fn listed(&self) -> Vec<serde_json::Value> {
        let ran = self.tool(&["list", "--json"]).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        json_of(&ran.stdout)
    }
}

/// Properties of a letter as a worker writes them.
pub(crate) fn letter_properties(message: &Message, order: &str, operation: &str) -> lapin::BasicProperties {
    let text = |value: &str| AMQPValue::LongString(value.into());
    let source = "/shops/acme";
    let id = message.properties.message_id().as_ref().expect("a message has an id").to_string();
    let mut headers = FieldTable::default();
    for (name, value) in [
        ("bwp-letter-id", bwp_sync::domain::outcome::letter_id(source, &id, 0).to_string().as_str()),
        ("bwp-operation", operation),
        ("bwp-error-type", "ValidationError"),
        ("bwp-error-code", "ItemOutOfStock"),
        ("bwp-error-class", "rejected"),
        ("bwp-error-message", "HTTP 200: the simulator refused the call with ItemOutOfStock"),
        ("bwp-suggested-action", "take the item out of the order, or replay when it is in stock"),
        ("bwp-order", order),
        ("bwp-source-exchange", "shop.events"),
        ("bwp-source-routing-key", &message.key),
        ("bwp-dead-lettered-at", "2026-11-22T15:04:05Z"),
    ] {
        headers.insert(name.into(), text(value));
    }
    headers.insert("bwp-attempts".into(), AMQPValue::LongUInt(1));
    headers.insert("bwp-replays".into(), AMQPValue::LongUInt(0));
    message.properties.clone().with_headers(headers)
}

/// The texts of one field of what was listed.
pub(crate) fn field(listed: &[serde_json::Value], name: &str) -> Vec<String> {
    listed.iter().map(|letter| letter[name].as_str().unwrap_or_default().to_owned()).collect()
}

/// A file in a folder that goes when it is dropped.
pub(crate) fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("a temporary folder has a plain name").to_owned()
}

/// Lines of a file as JSON.
pub(crate) fn json_lines(path: impl AsRef<Path>) -> Vec<serde_json::Value> {
    json_of(&std::fs::read_to_string(path).unwrap())
}

/// Lines of JSON.
pub(crate) fn json_of(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
