//! `bwp-sync run`: the daemon.
//!
//! Not here: any work; this only starts the rooms, stops them, and waits for them.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::exit::Exit;
use super::first_token::first_token;
use crate::admin::{self, View};
use crate::api::{self, Client};
use crate::broker::{BrokerConfig, find_hazards};
use crate::ports::{BrokerState, Finding, Verdict};
use crate::settings::Settings;
use crate::shutdown::Signals;
use crate::worker::{self, Context, pool};
use crate::{broker, mapper, ports, telemetry};

pub(super) async fn run(settings: &Settings) -> anyhow::Result<Exit> {
    tell_start(settings);
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let api = Client::new(settings.api()).context("cannot set up the API client")?;
    let (limits, timing, pacing) = (settings.limits(), settings.timing(), settings.pacing());
    let mut context = Context::new(api, settings.conventions(), limits, timing, pacing, settings.max_message_bytes());
    context.relation = settings.relation();
    let metrics = telemetry::metrics::record().context("cannot record metrics")?;
    // a missing series tells nothing, one at zero does
    worker::begin_series();
    api::begin_series();
    broker::begin_series();
    broker::begin_depths(&settings.broker());
    telemetry::metrics::show_settings(settings);
    let _memory = AbortOnDropHandle::new(tokio::spawn(telemetry::memory::watch()));
    let (state, broker_state) = watch::channel(BrokerState::down("starting", Timestamp::now(), None));
    let context = Arc::new(context);
    let (status, pace) = (Arc::clone(&context.status), Arc::clone(&context.pace));
    let view = View { broker: broker_state, status, pace, metrics, stuck_after: settings.stuck_after() };
    // ends with the process: it answers also while the worker stops
    let _admin = serve_admin(settings, view).await?;
    let stop = CancellationToken::new();
    // one at a time: all others wait in the broker
    let (jobs, work) = mpsc::channel::<ports::Job>(1);
    let _hazards = AbortOnDropHandle::new(tokio::spawn(warn_of_hazards(settings.broker())));
    // ended with the process
    let _first_token = AbortOnDropHandle::new(tokio::spawn(first_token(Arc::clone(&context))));
    let work = mapped(settings, &context, work, &stop)?;
    let pool = tokio::spawn(pool::run(context, work, stop.clone()));
    let broker = tokio::spawn(broker::run(settings.broker(), jobs, state, stop.clone()));
    let mut ended = std::pin::pin!(async { tokio::join!(pool, broker) });

    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "stopping: nothing new is taken"),
        ended = &mut ended => {
            tracing::error!(?ended, "the worker ended by itself");
            return Ok(Exit::Failed);
        }
    }
    stop.cancel();
    tokio::select! {
        ended = &mut ended => match ended {
            (Ok(()), Ok(())) => {
                tracing::info!("stopped: all calls have ended, other messages are requeued");
                Ok(Exit::Done)
            }
            ended => {
                tracing::error!(?ended, "the worker did not end well");
                Ok(Exit::Failed)
            }
        },
        () = tokio::time::sleep(settings.grace()) => {
            tracing::error!("stopped with calls under way: `shutdown.grace` is over; their messages will be redelivered");
            Ok(Exit::Failed)
        }
        name = signals.next() => {
            tracing::error!(signal = name, "stopped at once, by a second signal; messages in flight will be redelivered");
            Ok(Exit::Failed)
        }
    }
}

/// One line by which a reader of the log knows what runs here, and how it is set.
fn tell_start(settings: &Settings) {
    let (version, api) = (env!("CARGO_PKG_VERSION"), settings.api());
    let mut endpoint = api.endpoint;
    endpoint.set_query(None);
    let (broker, changed) = (settings.broker().address(), settings.changed().join("; "));
    tracing::info!(version, %endpoint, store = api.target_id, broker, settings = changed, "starting");
}

/// The messages that the pool takes: those that a mapping is for come mapped. Without mappings nothing stands between.
fn mapped(
    settings: &Settings,
    context: &Context<Client>,
    jobs: mpsc::Receiver<ports::Job>,
    stop: &CancellationToken,
) -> anyhow::Result<mpsc::Receiver<ports::Job>> {
    if settings.mappings().is_empty() {
        return Ok(jobs);
    }
    let program = mapper::own_program().context("cannot find the program for mappings")?;
    let mapper = mapper::Mapper::new(program, settings.mappings().to_vec());
    let (mapped, work) = mpsc::channel(1);
    let status = Arc::clone(&context.status);
    // ends with the jobs
    tokio::spawn(mapper::stage(mapper, status, settings.max_message_bytes(), jobs, mapped, stop.clone()));
    Ok(work)
}

/// Says at start what `check` would find in the broker. Nothing of it keeps the worker from doing what it can.
async fn warn_of_hazards(config: BrokerConfig) {
    if config.management.is_none() {
        return;
    }
    for Finding { subject, verdict, detail, promise } in find_hazards(&config).await {
        if verdict == Verdict::Fails {
            tracing::warn!(subject, detail, promise, "a promise is at risk");
        }
    }
}

/// Serves probes and metrics, where the settings ask for them. An address that is not free ends the start: an
/// orchestrator would wait for answers in vain.
async fn serve_admin(settings: &Settings, view: View) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(address) = settings.admin() else { return Ok(None) };
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("admin.listen: cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "probes and metrics");
    Ok(Some(tokio::spawn(admin::serve(listener, view))))
}
