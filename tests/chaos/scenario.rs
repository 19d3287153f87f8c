//! A scenario as its file says it.
//! Not here: playing it; see `play`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::orders::Mix;

/// Events of a run, and assertions beyond the promises.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Scenario {
    /// For the reader.
    pub(crate) what: String,
    /// Broker nodes; several are one cluster.
    pub(crate) nodes: usize,
    pub(crate) workers: usize,
    pub(crate) mix: Mix,
    /// Whether a third of the amendments say nothing about their order. That is for scenarios without a hand-over, and
    /// without the loss of a node that had unread messages.
    #[serde(default)]
    pub(crate) untold: bool,
    /// Messages that the shop publishes in a second, while it does.
    pub(crate) per_second: u32,
    /// The shop waits while so many of its messages are not settled.
    pub(crate) waiting: usize,
    /// Settings of the workers, over those of all scenarios.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    /// Each lane's faults happen one after the other, in an order that the seed decides; lanes go on side by side.
    pub(crate) lanes: Vec<Vec<Step>>,
    /// Seconds for which a lane does no harm after work has gone on again.
    #[serde(default)]
    pub(crate) rest: f64,
    /// Whether the lanes begin again until the time of the run is over.
    #[serde(default)]
    pub(crate) again: bool,
    pub(crate) bounds: Bounds,
}

/// A fault, and how long it may take until work goes on after it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) fault: Fault,
    /// Seconds for which it lasts, where it lasts.
    #[serde(default, rename = "for")]
    pub(crate) seconds: f64,
    /// It lasts on until so many messages wait, and fails where they do not come.
    #[serde(default)]
    pub(crate) piles_up: usize,
    /// At least so many updates are told while it lasts: for faults that must not stop them.
    #[serde(default)]
    pub(crate) updates_meanwhile: usize,
    /// Seconds from its end until something has been settled again, and every worker is there to take over.
    pub(crate) resume_within: f64,
}

/// Faults of those who take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// SIGKILL of a worker, and a new one in its place.
    KillWorker,
    /// SIGTERM of a worker, and a new one in its place after its end.
    RestartWorker,
    /// SIGTERM of the worker that is fed and a new one in its place, several times in a row.
    RestartsInARow,
    /// Each worker is replaced: a new one is started, then the old one is asked to end.
    RollWorkers,
    /// SIGSTOP of a worker, SIGCONT later.
    FreezeWorker,
    /// A message that ends every process which handles it.
    AbortByMessage,
    /// A worker's connections to the broker are reset.
    CutBroker,
    /// Nothing passes between a worker and the broker, though connections stay open.
    HalfOpenBroker,
    /// A worker and the broker read each other late and little by little.
    SlowBroker,
    /// The broker closes every connection.
    CloseConnections,
    /// The work queue is deleted while it is empty. The worker must bring it back.
    DeleteQueue,
    /// No queue is bound for results. Nothing may be settled meanwhile, where the settings say so.
    UnbindResults,
    /// The broker blocks publishers.
    MemoryAlarm,
    /// SIGKILL of a node, started again later.
    KillNode,
    /// A node is shut down and started again.
    RestartNode,
    /// SIGKILL of all nodes but one, started again later.
    LoseQuorum,
    /// A worker's connections to the API are reset.
    CutApi,
    /// Nothing passes between a worker and the API, though connections stay open.
    HalfOpenApi,
    /// Nobody can connect to the API.
    ApiDown,
    /// Answers take longer than a worker waits.
    ApiSlow,
    /// Every call is answered HTTP 503.
    ServerErrors,
    /// Every call is refused as too many.
    Throttling,
    /// One call in a second is answered, all beyond are refused as too many.
    OneCallASecond,
    /// Calls are answered in ways that no document lists, some after their effect.
    UnlistedAnswers,
    /// The schema lacks a field that refunds are read with.
    UnknownField,
    /// Every create is refused for lack of permission.
    DenyCreates,
    /// Half of the creates and updates take effect and are not answered.
    LostAnswers,
    /// Every token is invalid at once.
    RevokeTokens,
    /// No credentials are good.
    RefuseCredentials,
}

/// Assertions beyond the promises.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Bounds {
    /// The longest time without a settlement, in seconds, while something waits.
    pub(crate) stall: f64,
    /// At least so many orders; in a long run, in every twenty minutes.
    #[serde(default)]
    pub(crate) orders: usize,
    /// At least so many faults of each kind; in a long run, in every twenty minutes.
    #[serde(default)]
    pub(crate) of_each_fault: usize,
    /// Share of a core that a worker takes in the second half of a fault of the first lane, in percent.
    pub(crate) idle_cpu_percent: Option<f64>,
    /// The most memory that a worker ever has, in MiB.
    pub(crate) memory_mib: Option<u64>,
}

impl Scenario {
    /// Reads one of the files beside this one. Those for long runs have names of their own.
    pub(crate) fn read(form: &str, name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/chaos/scenarios/{form}/{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Step {
    pub(crate) fn lasts(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub(crate) fn resume_within(&self) -> Duration {
        Duration::from_secs_f64(self.resume_within)
    }
}
