//! How long a message takes while messages come at half of the speed that was measured, and how long the API alone takes.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::Consumer;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::messages::message;
use crate::round::{Bench, Load};

/// A few messages come at once, not a heap of them.
const TICK: Duration = Duration::from_millis(1);

/// Times, the shortest first.
pub(crate) struct Waits(Vec<Duration>);

impl Waits {
    /// The time in which this share of them was over, in milliseconds. Of no times it is no number.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1) as f64;
        self.0.get((last * share) as usize).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1_000.0)
    }
}

impl From<Vec<Duration>> for Waits {
    fn from(mut waits: Vec<Duration>) -> Self {
        waits.sort();
        Self(waits)
    }
}

impl Bench {
    /// From publication to result, while messages come at this rate.
    pub(crate) async fn at_half_load(&self, load: &Load, events: &str, seen: &mut Consumer, rate: f64) -> Waits {
        let count = (rate * load.half_load as f64) as usize;
        let first = load.backlog;
        let mut published = HashMap::with_capacity(count);
        let mut waits = Vec::with_capacity(count);
        let (began, mut ticks) = (Instant::now(), ticks());
        while waits.len() < count {
            tokio::select! {
                _ = ticks.tick(), if published.len() < count => {
                    for number in published.len()..due(began, rate, count) {
                        published.insert(format!("m-{}", first + number), Instant::now());
                        self.publish(load, events, first + number, false).await;
                    }
                }
                result = seen.next() => {
                    let result = result.unwrap().unwrap();
                    waits.extend(published.get(&cause(&result.data)).map(Instant::elapsed));
                }
            }
        }
        waits.into()
    }
}

/// How long calls of the API take that come at this rate, with nothing else between.
pub(crate) async fn of_api(endpoint: &str, load: &Load, rate: f64) -> Waits {
    let count = (rate * load.half_load as f64) as usize;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (began, mut ticks, mut begun) = (Instant::now(), ticks(), 0);
    let mut calls = JoinSet::new();
    while begun < count {
        ticks.tick().await;
        let due = due(began, rate, count);
        for number in begun..due {
            let body = message(load.what, number, load.bytes, load.orders);
            let call = http.post(endpoint).header("content-type", "application/json").body(body);
            calls.spawn(async move {
                let began = Instant::now();
                call.send().await.unwrap().bytes().await.unwrap();
                began.elapsed()
            });
        }
        begun = due;
    }
    calls.join_all().await.into()
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

/// How many are to have come by now.
fn due(began: Instant, rate: f64, count: usize) -> usize {
    ((began.elapsed().as_secs_f64() * rate) as usize).min(count)
}

/// Id of the message that a result is for.
fn cause(result: &[u8]) -> String {
    let result: serde_json::Value = serde_json::from_slice(result).unwrap();
    result["data"]["causationId"].as_str().unwrap_or_default().to_owned()
}
