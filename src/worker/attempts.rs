//! The end of an attempt, told to all that must hear of it: metrics, pace, memory, and the state that probes show.
//!
//! Not here: what follows for the message.

use metrics::{counter, histogram};

use super::context::Context;
use super::pace::Attempt;
use super::record::SUCCESS;
use crate::policy::catalogue::Class;
use crate::policy::classify::Failure;

/// Tells the end of an attempt; `failure` where it failed.
pub(super) fn tell<A>(context: &Context<A>, attempt: Attempt<'_>, failure: Option<&Failure>) {
    let Attempt { operation, order, began, class, .. } = attempt;
    let class = class.map_or(SUCCESS, Class::name);
    histogram!("bwp_api_call_seconds", "operation" => operation.name(), "class" => class).record(began.elapsed());
    context.pace.ended(attempt);
    let Some(failure) = failure else { return context.succeeded(operation, order) };
    if failure.unlisted {
        counter!("bwp_unlisted_errors_total", "operation" => operation.name()).increment(1);
    }
    // an answer that nobody understands is its order's until several orders have met it
    let all_meet_it = failure.class == Class::Unlisted && context.pace.is_paused(operation);
    if failure.systemic || all_meet_it {
        context.status.api_fails(failure);
    }
}
