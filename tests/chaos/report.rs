//! Report of a run, as a table for people and as a list of failures.
//! Not here: finding out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::board::Figures;
use crate::checker::{Broken, Verdict};
use crate::play::{Form, Idle, Struck};
use crate::scenario::{Fault, Scenario, Step};

/// Everything that is known at the end.
pub(crate) struct Report<'a> {
    pub(crate) name: &'a str,
    /// The scenario in its own words.
    pub(crate) what: &'a str,
    pub(crate) form: Form,
    pub(crate) took: Duration,
    pub(crate) orders: usize,
    pub(crate) repeated: usize,
    pub(crate) shuffled: usize,
    pub(crate) figures: Figures,
    pub(crate) queued: usize,
    pub(crate) verdict: Verdict,
    pub(crate) struck: Vec<Struck>,
    pub(crate) idle: Option<Idle>,
    pub(crate) peak_memory: u64,
    /// Messages that had not come to an end in time, up to ten.
    pub(crate) unsettled: Vec<String>,
    pub(crate) ended_by_themselves: usize,
    pub(crate) exit_codes: Vec<Option<i32>>,
}

/// Of so many orders one at most may be overtaken in a retry queue and forgotten.
const OVERTAKEN_OF: usize = 1_000;

/// The violations, and what the table calls them.
const BOLD: [(Broken, &str); 5] = [
    (Broken::Lost, "lost"),
    (Broken::Doubled, "doubled"),
    (Broken::WrongCode, "wrong code"),
    (Broken::LetterForLiveOrder, "letter for a live order"),
    (Broken::WrongTotal, "wrong final total"),
];

impl Report<'_> {
    /// Prints the table, and writes it into the folder of the logs.
    #[expect(clippy::print_stderr, reason = "shown when the test fails, and by scripts/chaos")]
    pub(crate) fn print(&self, folder: &Path) {
        let table = self.table();
        eprintln!("{table}");
        std::fs::write(folder.join("report.md"), table).expect("the report can be written");
        std::fs::write(folder.join("timeline.txt"), self.timeline()).expect("the timeline can be written");
    }

    /// Failures of the run; none for a good one.
    pub(crate) fn failures(&self, scenario: &Scenario) -> Vec<String> {
        let bounds = &scenario.bounds;
        let mut failures: Vec<String> =
            self.verdict.broken.iter().take(20).map(|(broken, what)| format!("{broken:?}: {what}")).collect();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                failures.push(what);
            }
        };
        for struck in &self.struck {
            if let Err(why) = &struck.resumed {
                expect(false, format!("{:?}: {why}", struck.fault));
            }
        }
        let minutes = self.form.lasts.map(|it| usize::try_from(it.as_secs() / 60).expect("a run has an end"));
        // events that have to happen at all must happen in a short run, too
        let at_least = |bound: usize| minutes.map_or(bound, |minutes| (bound * minutes / 20).max(bound.min(1)));
        let orders = at_least(bounds.orders);
        expect(self.orders >= orders, format!("{} orders, fewer than {orders}", self.orders));
        let (of_each, happened) = (at_least(bounds.of_each_fault), self.by_fault());
        for Step { fault, .. } in scenario.lanes.iter().flatten() {
            let times = happened.get(fault).map_or(0, |(times, _)| *times);
            expect(times >= of_each, format!("{fault:?} only {times} times"));
        }
        let stall = self.figures.longest_stall.as_secs_f64();
        expect(stall <= bounds.stall, format!("nothing was settled for {stall:.1} s"));
        expect(self.unsettled.is_empty(), format!("not settled in time: {:?}", self.unsettled));
        expect(self.queued == 0, format!("{} messages are still queued", self.queued));
        let overtaken = &self.verdict.overtaken;
        expect(overtaken.len() <= (self.orders / OVERTAKEN_OF).max(1), format!("overtaken: {overtaken:?}"));
        expect(self.ended_by_themselves == 0, format!("{} workers ended by themselves", self.ended_by_themselves));
        let well = self.exit_codes.iter().all(|code| *code == Some(0));
        expect(well, format!("workers ended with {:?}", self.exit_codes));
        if let Some(idle) = &self.idle {
            let bound = bounds.idle_cpu_percent.unwrap_or(f64::MAX);
            expect(idle.cpu_percent <= bound, format!("{:.1} % of a core while waiting", idle.cpu_percent));
        }
        let mib = self.peak_memory / 1024 / 1024;
        expect(bounds.memory_mib.is_none_or(|bound| mib <= bound), format!("a worker took {mib} MiB"));
        failures
    }

    fn table(&self) -> String {
        let figures = &self.figures;
        let mut rows = vec![
            ("orders".to_owned(), self.orders.to_string()),
            ("messages sent".to_owned(), figures.sent.to_string()),
            ("sent twice by the shop, in the wrong order".to_owned(), format!("{}, {}", self.repeated, self.shuffled)),
            ("confirms that never came".to_owned(), figures.unknown_confirms.to_string()),
            ("results".to_owned(), figures.results.to_string()),
            ("results seen twice".to_owned(), self.verdict.seen_twice.to_string()),
            ("letters".to_owned(), figures.letters.to_string()),
            ("still queued".to_owned(), self.queued.to_string()),
        ];
        rows.extend(BOLD.map(|(broken, name)| (format!("**{name}**"), format!("**{}**", self.verdict.count(broken)))));
        rows.push((
            "overtaken in a retry queue and then forgotten by a takeover".to_owned(),
            self.verdict.overtaken.len().to_string(),
        ));
        rows.push((
            "longest time without a settlement".to_owned(),
            format!("{:.1} s", figures.longest_stall.as_secs_f64()),
        ));
        if let Some(idle) = &self.idle {
            rows.push(("messages piled up".to_owned(), figures.piled_up.to_string()));
            rows.push(("CPU of a worker meanwhile".to_owned(), format!("{:.1} % of a core", idle.cpu_percent)));
        }
        rows.push(("most memory of a worker".to_owned(), format!("{} MiB", self.peak_memory / 1024 / 1024)));
        for (fault, (times, longest)) in self.by_fault() {
            let longest = longest.map_or_else(|| "never".to_owned(), |it| format!("{:.1} s", it.as_secs_f64()));
            rows.push((format!("fault `{fault:?}`"), format!("{times}, resumed within {longest}")));
        }
        let minutes = self.took.as_secs_f64() / 60.0;
        let mut table =
            format!("\n{}: {}\n\n| seed {}, {minutes:.1} min | |\n|---|---|\n", self.name, self.what, self.form.seed);
        for (name, value) in rows {
            writeln!(table, "| {name} | {value} |").expect("a text can be written to");
        }
        table
    }

    /// Every fault with its seconds since the beginning, for who has to find out why.
    fn timeline(&self) -> String {
        let mut lines = String::new();
        for Struck { fault, began, ended, resumed } in &self.struck {
            writeln!(lines, "{:8.1} to {:8.1}  {fault:?}  {resumed:?}", began.as_secs_f64(), ended.as_secs_f64())
                .expect("a text can be written to");
        }
        let (stall, ended) = (self.figures.longest_stall.as_secs_f64(), self.figures.stall_ended.as_secs_f64());
        writeln!(lines, "{:8.1} to {ended:8.1}  nothing was settled", ended - stall).expect("a text can be written to");
        lines
    }

    /// How often each fault happened, and the longest time to resume after it, if that always came.
    fn by_fault(&self) -> BTreeMap<Fault, (usize, Option<Duration>)> {
        let mut faults = BTreeMap::new();
        for struck in &self.struck {
            let (times, longest) = faults.entry(struck.fault).or_insert((0, Some(Duration::ZERO)));
            *times += 1;
            *longest = longest.zip(struck.resumed.as_ref().ok()).map(|(longest, took)| longest.max(*took));
        }
        faults
    }
}
