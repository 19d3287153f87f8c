//! Looks for everything in the broker that destroys a promise although all is declared: policies, bindings, exchanges.
//!
//! Not here: whether exchanges and queues are there at all (`inspect`); which value breaks which promise (`harm`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lapin::uri::AMQPUri;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::harm::{Harm, IN_ORDER, LETTERS, NOTHING_LOST, RESULTS, RETRIES, lets_through, of_arguments, of_policy};
use super::management::{Management, ManagementError};
use super::policies::{Policy, of_queue};
use crate::broker::config::{BrokerConfig, Unroutable};
use crate::broker::topology::queues;
use crate::ports::Finding;
use crate::secret::Secret;

const POLICIES: &str = "policies";
const EXTRA: &str = "extra arguments";
const SHOP: &str = "bindings of the work queue";
const DEAD: &str = "binding of dead letters";
const TOLD: &str = "bindings for results";
const TYPES: &str = "exchange types";
const FORMER: &str = "former retry queues";
const CLOCK: &str = "clock of the broker";
/// Every look that needs the management API, and its promise.
const LOOKS: [(&str, &str); 8] = [
    (POLICIES, NOTHING_LOST),
    (EXTRA, NOTHING_LOST),
    (SHOP, NOTHING_LOST),
    (DEAD, LETTERS),
    (TOLD, RESULTS),
    (TYPES, NOTHING_LOST),
    (FORMER, RETRIES),
    (CLOCK, IN_ORDER),
];

/// A larger difference of clocks can swap amendments that two workers had first. HTTP tells whole seconds.
const CLOCKS_APART: i64 = 10;

/// A queue, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Queue {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
    /// An object, or an empty list where there is no policy.
    #[serde(default)]
    effective_policy_definition: Value,
    #[serde(default)]
    policy: Value,
    #[serde(default)]
    operator_policy: Value,
    #[serde(default)]
    messages: u64,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Binding {
    source: String,
    destination: String,
    destination_type: String,
    routing_key: String,
}

/// All that is looked at, read once.
struct Seen<'a> {
    config: &'a BrokerConfig,
    /// Queues of the virtual host, by name.
    queues: BTreeMap<String, Queue>,
    exchanges: BTreeMap<String, String>,
    bindings: Vec<Binding>,
    /// Policies and operator policies, or why they cannot be read.
    policies: Result<[Vec<Policy>; 2], ManagementError>,
}

/// Looks for what destroys a promise, and changes nothing.
pub async fn find_hazards(config: &BrokerConfig) -> Vec<Finding> {
    let all_unknown = |why: String| LOOKS.map(|(what, promise)| Finding::unknown(what, why.clone(), promise)).to_vec();
    let Some(address) = &config.management else {
        return all_unknown("AMQP does not show it: set `broker.management_uri`".into());
    };
    let Ok(uri) = config.uri.read().expose_secret().parse::<AMQPUri>() else {
        return all_unknown("`broker.uri` is not an AMQP address".into());
    };
    let ca = config.tls.ca.as_ref().map(Secret::read);
    let looked = async {
        let management = Management::new(&address.read(), ca.as_ref())?;
        let clock = clock(&management).await;
        let seen = Seen::read(&management, config, &uri.vhost).await?;
        Ok::<_, ManagementError>(seen.findings().chain([clock]).collect())
    };
    looked.await.unwrap_or_else(|error| all_unknown(format!("the management API does not answer: {error}")))
}

/// Policies and operator policies. Only some users may see them.
async fn policies(management: &Management, vhost: &str) -> Result<[Vec<Policy>; 2], ManagementError> {
    let mut kinds = [Vec::new(), Vec::new()];
    for (kind, path) in kinds.iter_mut().zip(["policies", "operator-policies"]) {
        *kind = management.get(&[path, vhost]).await?.unwrap_or_default();
    }
    Ok(kinds)
}

async fn clock(management: &Management) -> Finding {
    match management.date().await {
        Ok(Some(theirs)) => clocks(CLOCK, theirs),
        Ok(None) => Finding::unknown(CLOCK, "its answers have no time", IN_ORDER),
        Err(error) => Finding::unknown(CLOCK, error.to_string(), IN_ORDER),
    }
}

/// How far another machine's clock is from ours.
pub fn clocks(subject: &str, theirs: Timestamp) -> Finding {
    let apart = Timestamp::now().duration_since(theirs).as_secs();
    let detail = format!("{} s apart from ours", apart.abs());
    if apart.abs() > CLOCKS_APART {
        return Finding::fails(
            subject,
            format!("{detail}; hint: have both machines set their clocks by NTP"),
            IN_ORDER,
        );
    }
    Finding::holds(subject, detail, IN_ORDER)
}

impl<'a> Seen<'a> {
    async fn read(management: &Management, config: &'a BrokerConfig, vhost: &str) -> Result<Self, ManagementError> {
        let queues: Option<Vec<Queue>> = management.get(&["queues", vhost]).await?;
        let exchanges: Option<Vec<Exchange>> = management.get(&["exchanges", vhost]).await?;
        let bindings: Option<Vec<Binding>> = management.get(&["bindings", vhost]).await?;
        Ok(Self {
            config,
            queues: queues.unwrap_or_default().into_iter().map(|queue| (queue.name.clone(), queue)).collect(),
            exchanges: exchanges.unwrap_or_default().into_iter().map(|it| (it.name, it.kind)).collect(),
            bindings: bindings.unwrap_or_default(),
            policies: policies(management, vhost).await,
        })
    }

    fn findings(&self) -> impl Iterator<Item = Finding> {
        let mut findings = self.policies();
        findings.extend(self.extra_arguments());
        findings.extend([self.of_shop(), self.of_dead_letters(), self.of_results()]);
        findings.extend(self.types());
        findings.push(self.former());
        findings.into_iter()
    }

    /// Our queues that are there, with what is declared of them.
    fn ours(&self) -> impl Iterator<Item = (&Queue, Vec<String>)> {
        queues(self.config).into_iter().filter_map(move |(name, arguments)| {
            let declared = arguments.inner().keys().map(ToString::to_string).collect();
            Some((self.queues.get(&name)?, declared))
        })
    }

    /// Our queues that are not there yet.
    fn to_come(&self) -> impl Iterator<Item = String> {
        queues(self.config).into_iter().map(|(name, _)| name).filter(|name| !self.queues.contains_key(name))
    }

    /// Policies of one kind that our queues will get when they are declared, with the queue.
    fn policies_to_come(&self, kind: usize) -> impl Iterator<Item = (&Policy, String)> {
        let policies = self.policies.as_ref().ok().and_then(|kinds| kinds.get(kind));
        self.to_come().filter_map(move |queue| Some((of_queue(policies?, &queue)?, queue)))
    }

    fn policies(&self) -> Vec<Finding> {
        let harms = self.ours().flat_map(|(queue, _)| {
            let definition = queue.effective_policy_definition.as_object().cloned().unwrap_or_default();
            of_policy(&definition, self.config).into_iter().map(move |harm| (harm, queue.name.clone()))
        });
        let to_come = [0, 1].into_iter().flat_map(|kind| self.policies_to_come(kind));
        let harms = harms.chain(to_come.flat_map(|(policy, queue)| {
            let queue = format!("{queue} (not there yet)");
            of_policy(&policy.definition, self.config).into_iter().map(move |harm| (harm, queue.clone()))
        }));
        let names = [
            ("policy", self.names_of(0, |it| &it.policy)),
            ("operator policy", self.names_of(1, |it| &it.operator_policy)),
        ];
        let names: Vec<_> = names
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(kind, names)| format!("{kind} {names}"))
            .collect();
        let mut findings =
            told(POLICIES, "policy", harms, &format!(" by {}", names.join(", ")), "none in force breaks a promise");
        if let (Err(error), Some(_)) = (&self.policies, self.to_come().next()) {
            findings.push(Finding::unknown("policies of queues to come", error.to_string(), NOTHING_LOST));
        }
        findings
    }

    /// Names of the policies of a kind on our queues, those to come included.
    fn names_of(&self, kind: usize, named: impl Fn(&Queue) -> &Value) -> String {
        let in_force = self.ours().filter_map(|(queue, _)| named(queue).as_str().map(|it| format!("`{it}`")));
        let to_come = self.policies_to_come(kind).map(|(policy, _)| format!("`{}`", policy.name));
        let names: BTreeSet<_> = in_force.chain(to_come).collect();
        names.into_iter().filter(|name| name != "``").collect::<Vec<_>>().join(", ")
    }

    fn extra_arguments(&self) -> Vec<Finding> {
        let harms = self.ours().flat_map(|(queue, declared)| {
            let declared: Vec<_> = declared.iter().map(String::as_str).collect();
            of_arguments(&queue.arguments, &declared, self.config)
                .into_iter()
                .map(move |harm| (harm, queue.name.clone()))
        });
        told(EXTRA, "extra argument", harms, "", "none")
    }

    fn bound<'s>(&'s self, exchange: &'s str, queue: &'s str) -> impl Iterator<Item = &'s str> {
        let is_it =
            move |it: &&Binding| it.source == exchange && it.destination == queue && it.destination_type == "queue";
        self.bindings.iter().filter(is_it).map(|it| it.routing_key.as_str())
    }

    /// Without a queue there is nothing to bind: its absence is told elsewhere.
    fn of_shop(&self) -> Finding {
        let names = &self.config.names;
        if !self.queues.contains_key(&names.queue) {
            return self.made_later(SHOP, NOTHING_LOST);
        }
        let bound: Vec<_> = self.bound(&names.events, &names.queue).collect();
        let by_key = self.exchanges.get(&names.events).is_none_or(|kind| kind != "fanout");
        let comes =
            |key: &&String| if by_key { bound.iter().any(|it| lets_through(it, key)) } else { !bound.is_empty() };
        let missing: Vec<_> = names.bindings.iter().filter(|key| !comes(key)).cloned().collect();
        if missing.is_empty() {
            return Finding::holds(SHOP, format!("all keys of `broker.bindings` from {}", names.events), NOTHING_LOST);
        }
        let hint = if self.config.declare { "restart a worker, which binds them" } else { "bind them" };
        let detail = format!("nothing comes from {} by {}; hint: {hint}", names.events, missing.join(", "));
        Finding::fails(SHOP, detail, NOTHING_LOST)
    }

    /// The queue of a binding is not there yet.
    fn made_later(&self, subject: &str, promise: &'static str) -> Finding {
        match self.config.declare {
            true => Finding::holds(subject, "made together with its queue", promise),
            false => Finding::unknown(subject, "its queue is not there", promise),
        }
    }

    fn of_dead_letters(&self) -> Finding {
        let names = &self.config.names;
        let mut bound = self.bound(&names.dead, &names.dead_letters);
        if !self.exchanges.contains_key(&names.dead) || !self.queues.contains_key(&names.dead_letters) {
            return self.made_later(DEAD, LETTERS);
        }
        if bound.any(|key| key == "#") {
            return Finding::holds(DEAD, "every letter comes to its queue", LETTERS);
        }
        let detail =
            format!("{} is not bound to {} by `#`: letters have nowhere to go", names.dead_letters, names.dead);
        Finding::fails(DEAD, detail, LETTERS)
    }

    fn of_results(&self) -> Finding {
        let bound = self.bindings.iter().filter(|it| it.source == self.config.names.results).count();
        match (bound, self.config.unroutable) {
            (0, Unroutable::Pause) => {
                Finding::fails(TOLD, "none, and `results.unroutable` is `pause`: nothing is settled", RESULTS)
            }
            (0, Unroutable::Accept) => Finding::holds(TOLD, "none: results are wanted by nobody", RESULTS),
            (bound, _) => Finding::holds(TOLD, format!("{bound}"), RESULTS),
        }
    }

    fn types(&self) -> Vec<Finding> {
        let names = &self.config.names;
        let mut findings = vec![self.shops_exchange()];
        for (name, promise) in [(&names.dead, LETTERS), (&names.results, RESULTS)] {
            let Some(kind) = self.exchanges.get(name).filter(|kind| *kind != "topic") else { continue };
            findings.push(Finding::fails(format!("type of {name}"), format!("{kind}, expected topic"), promise));
        }
        findings
    }

    fn shops_exchange(&self) -> Finding {
        let events = &self.config.names.events;
        let subject = format!("type of {events}");
        match self.exchanges.get(events).map(String::as_str) {
            Some("direct") if self.config.names.bindings.iter().any(|key| key.contains(['*', '#'])) => {
                let detail = "direct, expected topic: it takes the patterns of `broker.bindings` for keys";
                Finding::fails(subject, detail, NOTHING_LOST)
            }
            Some("topic" | "direct") => Finding::holds(TYPES, "as they must be", NOTHING_LOST),
            Some("fanout") => {
                Finding::fails(subject, "fanout, expected topic: it ignores keys, so all it gets comes here", LETTERS)
            }
            Some("headers") => Finding::fails(subject, "headers, expected topic: it ignores keys", NOTHING_LOST),
            Some(other) => Finding::unknown(subject, format!("{other}, expected topic"), NOTHING_LOST),
            None => {
                let others = self.exchanges.iter().filter(|(name, kind)| *kind == "topic" && !name.starts_with("amq."));
                let others: Vec<_> = others.map(|(name, _)| name.as_str()).collect();
                let detail = format!(
                    "{events} is absent; is `broker.events` spelt as the shop has it? topic exchanges: {}",
                    others.join(", ")
                );
                // where a worker has bound its queue before, the exchange was there
                match self.queues.contains_key(&self.config.names.queue) {
                    true => Finding::fails(subject, detail, NOTHING_LOST),
                    false => Finding::unknown(subject, detail, NOTHING_LOST),
                }
            }
        }
    }

    fn former(&self) -> Finding {
        let prefix = format!("{}.retry.", self.config.names.queue);
        let current: BTreeSet<_> = queues(self.config).into_iter().map(|(name, _)| name).collect();
        let former =
            self.queues.values().filter(|queue| queue.name.starts_with(&prefix) && !current.contains(&queue.name));
        let waiting: Vec<_> =
            former.filter(|it| it.messages > 0).map(|it| format!("{} in {}", it.messages, it.name)).collect();
        if waiting.is_empty() {
            return Finding::holds(FORMER, "none with messages", RETRIES);
        }
        let detail = format!("{}; they come back after their delay, hint: delete no queue before", waiting.join(", "));
        Finding::unknown(FORMER, detail, RETRIES)
    }
}

/// A finding for each key and value, with the queues that it is on; or one that there is none.
fn told(
    subject: &'static str,
    one: &str,
    harms: impl Iterator<Item = (Harm, String)>,
    by: &str,
    none: &str,
) -> Vec<Finding> {
    let mut on: BTreeMap<Harm, Vec<String>> = BTreeMap::new();
    for (harm, queue) in harms {
        on.entry(harm).or_default().push(queue);
    }
    if on.is_empty() {
        return vec![Finding::holds(subject, none, NOTHING_LOST)];
    }
    let finding = |(Harm { key, value, promise }, queues): (Harm, Vec<String>)| {
        Finding::fails(format!("{one} {key}"), format!("{value} on {}{by}", queues.join(", ")), promise)
    };
    on.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::ports::Verdict;

    #[test]
    fn clocks_that_are_apart_break_a_promise_in_either_direction() {
        for (seconds, expected) in
            [(0, Verdict::Holds), (5, Verdict::Holds), (60, Verdict::Fails), (-60, Verdict::Fails)]
        {
            let finding = clocks("a clock", Timestamp::now() + SignedDuration::from_secs(seconds));
            assert_eq!(finding.verdict, expected, "{finding:?}");
        }
    }
}
