//! Starts of fulfillment under a limit of a few calls a second, for minutes of a paused clock: each needs a read and an
//! update.
//! Not here: how a limit is found (`speed`).

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bwp_sync::domain::input::{CreateOrderInput, UpdateOrderInput};
use bwp_sync::domain::order::OrderIdentifier;
use bwp_sync::domain::stored::{ExecutionState, StoredOrder};
use bwp_sync::policy::breaker::Waits;
use bwp_sync::ports::{ApiError, OrderApi, Purpose, Settlement};
use bwp_sync::worker::{Context, Pacing, Timing};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::context;
use crate::queue::work_off;
use crate::scenario::event;

const LASTS: Duration = Duration::from_secs(300);
/// How often a message comes: all at once, or so that their times end one after the other.
const EVERY: [Duration; 3] = [Duration::ZERO, Duration::from_millis(190), Duration::from_millis(990)];
/// Of a call.
const TAKES: Duration = Duration::from_millis(50);

/// Every order is there, and starts when it is told to.
#[derive(Debug, Default)]
struct Orders {
    started: Mutex<HashSet<String>>,
    calls: Mutex<[u32; 2]>,
}

impl Orders {
    async fn called(&self, kind: usize) {
        self.calls.lock().unwrap()[kind] += 1;
        sleep(TAKES).await;
    }

    fn shown(&self, id: String) -> StoredOrder {
        let started = self.started.lock().unwrap().contains(&id);
        let state = if started { ExecutionState::Started } else { ExecutionState::NotStarted };
        StoredOrder { id, execution_state: Some(state), ..StoredOrder::default() }
    }
}

impl OrderApi for Orders {
    async fn create_order(&self, _: &CreateOrderInput) -> Result<StoredOrder, ApiError> {
        Err(ApiError::NotSent { reason: "no creates here".into() })
    }

    async fn update_order(&self, order: &OrderIdentifier, _: &UpdateOrderInput) -> Result<StoredOrder, ApiError> {
        self.called(1).await;
        let OrderIdentifier::OrderId(id) = order else { return Err(ApiError::OrderNotFound) };
        self.started.lock().unwrap().insert(id.clone());
        Ok(self.shown(id.clone()))
    }

    async fn order(&self, order: &OrderIdentifier, _: Purpose) -> Result<Option<StoredOrder>, ApiError> {
        self.called(0).await;
        let id = match order {
            OrderIdentifier::OrderId(id) => id.clone(),
            OrderIdentifier::Alias(alias) => alias.alias_id.clone(),
        };
        Ok(Some(self.shown(id)))
    }
}

/// The waits of the default settings.
fn context(per_second: u32, prefetch: usize) -> Arc<Context<Orders>> {
    let waits = Waits { first: Duration::from_secs(1), longest: Duration::from_secs(30) };
    let pacing = Pacing { max_calls_per_second: Some(per_second.into()), waits };
    let mut context = context::paced(Orders::default(), pacing);
    context.timing = Timing {
        visible_after: Duration::from_secs(2),
        call_ended: Duration::from_secs(12),
        first_wait: Duration::from_millis(200),
        longest_wait: Duration::from_secs(2),
        retries: 3,
        last_call: Duration::from_secs(50),
        hold_at_most: prefetch / 2,
    };
    Arc::new(context)
}

#[tokio::test(start_paused = true)]
async fn under_a_low_limit_at_least_nine_of_ten_possible_updates_are_done() {
    for per_second in [1, 2, 5] {
        for (prefetch, every) in [1, 50, 256].into_iter().flat_map(|prefetch| EVERY.map(|every| (prefetch, every))) {
            let context = context(per_second, prefetch);
            let start = |order| {
                let data = json!({ "order": { "id": format!("SO-{order}") } });
                event(&format!("m-{order}"), "fulfillment-triggered", &data)
            };
            // more than can be done
            let ends = work_off(&context, (0..2000).map(start), prefetch, every, Some(Instant::now() + LASTS)).await;
            assert!(ends.iter().all(|end| matches!(end, Settlement::Done(_))), "{ends:?}");
            let [reads, updates] = *context.api.calls.lock().unwrap();
            let come = LASTS.as_millis().checked_div(every.as_millis()).unwrap_or(u128::MAX);
            let taken = LASTS.as_millis() / 1000 * u128::from(per_second) / 2;
            let possible = u32::try_from(come.min(taken)).unwrap();
            let shown = format!(
                "{per_second}/s, prefetch {prefetch}, {every:?}: {reads} reads, {updates} of {possible} updates"
            );
            println!("{shown}");
            assert!(updates * 10 >= possible * 9 && ends.len() * 10 >= possible as usize * 9, "{shown}");
        }
    }
}
