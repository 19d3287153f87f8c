//! Plans that were made and not yet carried out: each can be carried out once.
//!
//! Not here: carrying them out; see `running`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::settings::Settings;
use crate::broker::Summary;
use crate::dead_letters::edit::Change;
use crate::dead_letters::guard::Warning;
use crate::dead_letters::plan::{Plan, Planned};

/// Plans that are kept.
const KEPT: usize = 100;
/// Letters of all plans that are kept, apart from the newest plan.
const MOST_LETTERS: usize = 200_000;
/// How long a plan is kept.
const KEPT_FOR: Duration = Duration::from_secs(3600);
/// Orders that the guard reads before it tells of its progress.
const READ_TOGETHER: usize = 20;
/// How long a page waits for the guard before it tells of its progress.
const WAITED: Duration = Duration::from_millis(1500);

/// A plan that nobody has carried out.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) plan: Plan,
    /// Words for the letters that it is about.
    pub(super) about: String,
    /// Changes to the message, as `lines[0].quantity=1`.
    pub(super) sets: Vec<String>,
    /// Their effect.
    pub(super) changes: Vec<Change>,
    /// Findings of the guard so far.
    guard: watch::Receiver<Guard>,
    since: Instant,
    /// Whether somebody has carried it out, or is about to.
    is_taken: AtomicBool,
}

/// Findings of the guard.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// Orders that were read.
    pub(super) read: usize,
    /// Orders that there are.
    pub(super) orders: usize,
    /// Orders whose letters may be replayed for nothing.
    pub(super) warnings: BTreeMap<String, Warning>,
}

/// The plans.
#[derive(Debug, Default)]
pub(super) struct Plans {
    all: Mutex<BTreeMap<Uuid, Arc<Draft>>>,
    /// Held by the guard that reads orders: one plan's at a time.
    guards: Arc<tokio::sync::Mutex<()>>,
}

impl Plans {
    /// A plan that nobody has carried out.
    pub(super) fn get(&self, id: Uuid) -> Option<Arc<Draft>> {
        self.all().get(&id).filter(|draft| !draft.is_taken.load(Ordering::Relaxed)).cloned()
    }

    /// Takes a plan to carry it out: nobody else gets it after that.
    pub(super) fn take(&self, id: Uuid) -> Option<Arc<Draft>> {
        self.all().get(&id).filter(|draft| !draft.is_taken.swap(true, Ordering::Relaxed)).cloned()
    }

    /// Gives a plan back that could not be carried out.
    pub(super) fn give_back(&self, id: Uuid) {
        if let Some(draft) = self.all().get(&id) {
            draft.is_taken.store(false, Ordering::Relaxed);
        }
    }

    /// Whether somebody has taken a plan, so that it is a run, or is about to be one.
    pub(super) fn is_taken(&self, id: Uuid) -> bool {
        self.all().get(&id).is_some_and(|draft| draft.is_taken.load(Ordering::Relaxed))
    }

    /// Keeps a plan, in the place of the oldest ones if there are too many.
    fn keep(&self, id: Uuid, draft: &Arc<Draft>) {
        let mut all = self.all();
        let letters = |all: &BTreeMap<Uuid, Arc<Draft>>| all.values().map(|it| it.plan.letters.len()).sum::<usize>();
        while all.len() >= KEPT || letters(&all) > MOST_LETTERS {
            let oldest = all.iter().min_by_key(|(_, draft)| draft.since).map(|(id, _)| *id);
            oldest.and_then(|oldest| all.remove(&oldest));
        }
        all.insert(id, Arc::clone(draft));
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Arc<Draft>>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, draft| draft.since.elapsed() < KEPT_FOR);
        all
    }
}

impl Draft {
    /// Findings of the guard; waits a little for its end.
    pub(super) async fn guard(&self) -> Guard {
        let mut guard = self.guard.clone();
        let ended = timeout(WAITED, guard.wait_for(|guard| guard.read == guard.orders)).await;
        drop(ended);
        self.guard.borrow().clone()
    }
}

/// Makes a plan of letters, and has the guard read their orders.
pub(super) fn make(
    plans: &Plans,
    settings: &Arc<Settings>,
    letters: Vec<Summary>,
    seen_at: Timestamp,
    about: String,
    edit: (Vec<String>, Vec<Change>),
) -> Uuid {
    let id = Uuid::new_v4();
    let plan = Plan::of(letters, id, &settings.broker.names.dead_letters, seen_at);
    let (tell, guard) = watch::channel(Guard { orders: orders(&plan.letters).len(), ..Guard::default() });
    let (sets, changes) = edit;
    let draft =
        Arc::new(Draft { plan, about, sets, changes, guard, since: Instant::now(), is_taken: AtomicBool::new(false) });
    plans.keep(id, &draft);
    let (settings, guards) = (Arc::clone(settings), Arc::clone(&plans.guards));
    tokio::spawn(async move {
        // the worker needs the API, too
        let _turn = guards.lock().await;
        watch_over(&settings, &draft, &tell).await;
    });
    id
}

/// Reads the orders, a few at a time, until the plan is carried out or forgotten.
async fn watch_over(settings: &Settings, draft: &Arc<Draft>, tell: &watch::Sender<Guard>) {
    let mut of_order: BTreeMap<&str, Vec<Planned>> = BTreeMap::new();
    for letter in &draft.plan.letters {
        if let Some(order) = &letter.order {
            of_order.entry(order).or_default().push(letter.clone());
        }
    }
    let all: Vec<Vec<Planned>> = of_order.into_values().collect();
    for some in all.chunks(READ_TOGETHER) {
        if draft.is_taken.load(Ordering::Relaxed) || Arc::strong_count(draft) == 1 {
            return;
        }
        let warnings = settings.orders.warnings(&some.concat()).await;
        tell.send_modify(|guard| {
            guard.read += some.len();
            guard.warnings.extend(warnings);
        });
    }
}

fn orders(letters: &[Planned]) -> BTreeSet<&str> {
    letters.iter().filter_map(|letter| letter.order.as_deref()).collect()
}
