//! Policies as the broker would put them on a queue that is not there yet.
//!
//! Not here: policies of queues that are there, which the broker tells with the queue; which value breaks a promise.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A policy, or an operator policy.
#[derive(Debug, Deserialize)]
pub(super) struct Policy {
    pub(super) name: String,
    pattern: String,
    #[serde(default, rename = "apply-to")]
    apply_to: String,
    #[serde(default)]
    priority: i64,
    pub(super) definition: Map<String, Value>,
}

impl Policy {
    /// Whether it is for a quorum queue of this name. RabbitMQ's expressions are PCRE; one that this engine does not know is
    /// not judged.
    fn is_for(&self, queue: &str) -> bool {
        let of_queues = matches!(self.apply_to.as_str(), "" | "all" | "queues" | "quorum_queues");
        of_queues && regex::Regex::new(&self.pattern).is_ok_and(|pattern| pattern.is_match(queue))
    }
}

/// The one among policies of a kind that a quorum queue of this name would get: the one with the highest priority.
pub(super) fn of_queue<'p>(policies: &'p [Policy], queue: &str) -> Option<&'p Policy> {
    policies.iter().filter(|policy| policy.is_for(queue)).max_by_key(|policy| policy.priority)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_gets_the_policy_for_its_name_and_kind_with_the_highest_priority() {
        let policies = json!([
            { "name": "low", "pattern": "^bwp\\.", "apply-to": "all", "priority": 1, "definition": {} },
            { "name": "high", "pattern": "orders$", "apply-to": "queues", "priority": 7, "definition": {} },
            { "name": "exchanges", "pattern": ".*", "apply-to": "exchanges", "priority": 9, "definition": {} },
            { "name": "classic", "pattern": ".*", "apply-to": "classic_queues", "priority": 9, "definition": {} },
            { "name": "unknown to this engine", "pattern": "(?<!x)bwp", "priority": 9, "definition": {} },
        ]);
        let policies: Vec<Policy> = serde_json::from_value(policies).unwrap();
        let of = |queue| of_queue(&policies, queue).map(|policy| policy.name.as_str());
        assert_eq!([of("bwp.orders"), of("bwp.dead-letters"), of("shop")], [Some("high"), Some("low"), None]);
    }
}
