//! `/livez` is about the process itself: it fails where no progress is made, and not where something is waited for.
//! Not here: an alarm of a real broker; see `tests/broker/alarm.rs`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bwp_sync::admin::{View, serve};
use bwp_sync::policy::breaker::Waits;
use bwp_sync::policy::catalogue::Class;
use bwp_sync::policy::sign::{Cause, Sign};
use bwp_sync::ports::{BrokerState, Operation};
use bwp_sync::worker::Pacing;
use bwp_sync::worker::pace::Attempt;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::context::pacing;
use crate::gate::{SOON, Stage, checkout};
use crate::until::until;

const STUCK_AFTER: Duration = Duration::from_secs(300);

/// Where the probes of a pool are served.
async fn probes(stage: &Stage) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let view = View {
        broker: watch::channel(BrokerState::up(20, Timestamp::now())).1,
        status: Arc::clone(&stage.status),
        pace: Arc::clone(&stage.pace),
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        stuck_after: STUCK_AFTER,
    };
    tokio::spawn(serve(listener, view));
    address
}

async fn livez(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// More time passes than a process may stand still.
async fn time_passes() {
    tokio::time::pause();
    tokio::time::advance(STUCK_AFTER + Duration::from_secs(1)).await;
    tokio::time::resume();
}

async fn is_alive(address: &str) {
    let alive = |answer: &String| answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200");
    until("it is alive", SOON, async || livez(address).await, alive).await;
}

async fn is_stuck(address: &str, why: &str) {
    let stuck = |answer: &String| answer.contains(" 503 ") && answer.contains(why);
    until(why, SOON, async || livez(address).await, stuck).await;
}

#[tokio::test]
async fn a_message_whose_handling_does_not_end_is_no_progress() {
    let mut stage = Stage::new();
    let address = probes(&stage).await;
    let _settled = stage.send(checkout("SO-1", "m")).await;
    stage.begun().await;
    is_alive(&address).await;
    time_passes().await;
    is_stuck(&address, "a message has been handled for").await;
    stage.gate.of("SO-1").notify_one();
    is_alive(&address).await;
}

#[tokio::test]
async fn a_pool_that_makes_no_step_is_no_progress_though_no_message_is_handled() {
    let (stage, pool) = Stage::apart(0, pacing());
    let address = probes(&stage).await;
    is_alive(&address).await;
    {
        let mut pool = pin!(pool);
        let steps = async { until("it runs", SOON, async || stage.status.without_step(), Option::is_some).await };
        tokio::select! {
            () = &mut pool => panic!("it ended"),
            _ = steps => {}
        }
        is_alive(&address).await;
        // nobody polls it from now on, as when it waits for a lock that nobody lets go
        time_passes().await;
        is_stuck(&address, "no message could be taken or ended for").await;
        tokio::select! {
            () = &mut pool => panic!("it ended"),
            () = is_alive(&address) => {}
        }
        drop(stage.jobs);
        pool.await;
    }
    time_passes().await;
    assert!(livez(&address).await.contains(" 200 "), "one that has ended is not stuck");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_end_its_request_is_let_go_after_five_seconds() {
    let (stage, _pool) = Stage::apart(0, pacing());
    let address = probes(&stage).await;
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: ").await.unwrap();
    let began = Instant::now();
    stream.read_to_end(&mut Vec::new()).await.ok();
    // of a clock that stands still while something is done
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn waiting_for_the_broker_or_for_the_end_of_a_pause_is_progress() {
    let hour = Duration::from_secs(3600);
    let waits = Waits { first: hour, longest: hour };
    let (mut stage, pool) = Stage::apart(0, Pacing { max_calls_per_second: None, waits });
    tokio::spawn(pool);
    let address = probes(&stage).await;
    // nobody carries its settlement out
    let _settled = stage.send(checkout("SO-1", "m")).await;
    stage.begun().await;
    stage.gate.of("SO-1").notify_one();
    let held = async || stage.status.held(&stage.pace).len();
    until("it waits for the broker", SOON, held, |held| *held == 1).await;
    let refused = Attempt {
        operation: Operation::CreateOrder,
        answer: "HTTP 401",
        order: "SO-2",
        began: Instant::now(),
        class: Some(Class::Denied),
        sign: Sign::Fails(Cause::CredentialsRefused),
    };
    stage.pace.ended(refused);
    let _paused = stage.send(checkout("SO-2", "m")).await;
    until("another waits for the pause", SOON, held, |held| *held == 2).await;
    time_passes().await;
    is_alive(&address).await;
    assert!(stage.status.oldest_in_flight() > Some(STUCK_AFTER));
}
