//! Output: the table of messages, the line of totals, the simulator's counts.
//!
//! Not here: the comparison with the expected outcomes; see `check`.

use std::time::{Duration, Instant};

use bwp_sync::simulator::{Effect, Ledger, Operation};
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle};

use crate::batch::Message;
use crate::collect::{Arrival, ResultData};

/// Columns of the narrowest usual terminal.
const WIDTH: u16 = 100;
/// Width that the other columns leave for the first one.
const NAME_WIDTH: usize = 30;

/// A message and its result.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) message: &'a Message,
    pub(crate) result: Option<&'a ResultData>,
    /// Time from the broker's confirm to the result.
    pub(crate) took: Option<Duration>,
}

impl Row<'_> {
    /// The outcome of the message, in words.
    pub(crate) fn outcome(&self) -> String {
        match self.result {
            None => "no result".into(),
            Some(ResultData { failure: Some(failure), .. }) => format!("failed: {}", failure.code),
            Some(ResultData { outcome, .. }) => outcome.clone().unwrap_or_else(|| "no outcome".into()),
        }
    }
}

/// Gives each message its result, and repeated messages their results in sequence. The second part names the messages
/// of surplus results.
pub(crate) fn rows<'a>(
    batch: &'a [Message],
    published: &[Instant],
    arrivals: &'a [Arrival],
) -> (Vec<Row<'a>>, Vec<&'a str>) {
    let mut left: Vec<&Arrival> = arrivals.iter().collect();
    let rows = batch.iter().zip(published).map(|(message, confirmed)| {
        let found = left.iter().position(|arrival| arrival.data.causation_id == message.id);
        let arrival = found.map(|at| left.remove(at));
        Row {
            message,
            result: arrival.map(|arrival| &arrival.data),
            took: arrival.map(|arrival| arrival.at.saturating_duration_since(*confirmed)),
        }
    });
    let rows = rows.collect();
    (rows, left.into_iter().map(|arrival| arrival.data.causation_id.as_str()).collect())
}

/// The table, with one row for each message.
pub(crate) fn table(rows: &[Row<'_>]) -> Table {
    let line = LineStyle::none().fill('─').junction('─');
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(line).bottom_border(line))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(["message", "order", "outcome", "Buy with Prime", "attempts", "time"]);
    for row in rows {
        table.add_row([
            Cell::new(wrapped(row.message.name)),
            Cell::new(&row.message.order),
            Cell::new(row.outcome()).fg(colour(row)),
            Cell::new(row.result.and_then(|result| result.buy_with_prime_id.as_deref()).unwrap_or("–")),
            right(row.result.map_or("–".into(), |result| result.attempts.to_string())),
            right(row.took.map_or("–".into(), |took| format!("{} ms", took.as_millis()))),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

/// A long name on two lines, broken after a hyphen.
fn wrapped(name: &str) -> String {
    let mut breakable = name.char_indices().filter(|(at, letter)| *letter == '-' && *at < NAME_WIDTH);
    match breakable.next_back() {
        Some((at, _)) if name.len() > NAME_WIDTH => format!("{}\n{}", &name[..=at], &name[at + 1..]),
        _ => name.to_owned(),
    }
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Colour of a row. The table leaves it out unless it goes to a terminal.
fn colour(row: &Row<'_>) -> Color {
    if row.outcome() != row.message.expected.outcome() {
        Color::Red
    } else if row.message.expected.is_failure() {
        Color::Yellow
    } else {
        Color::Green
    }
}

/// Number of messages by outcome.
pub(crate) fn summary(rows: &[Row<'_>]) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for row in rows {
        let outcome = row.outcome().split(':').next().unwrap_or_default().to_owned();
        match counts.iter_mut().find(|(counted, _)| *counted == outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((outcome, 1)),
        }
    }
    let counts: Vec<_> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let longest = rows.iter().filter_map(|row| row.took).max().unwrap_or_default().as_millis();
    format!("{} messages: {}; none took more than {longest} ms", rows.len(), counts.join(", "))
}

/// Counts of the simulator.
pub(crate) fn ledger(ledger: &Ledger) -> String {
    let started = ledger.effects.iter().filter(|effect| matches!(effect, Effect::Started { .. })).count();
    let calls = [Operation::CreateOrder, Operation::UpdateOrder, Operation::Order, Operation::Token];
    let calls = calls.map(|operation| format!("{} {}", ledger.calls_of(operation), operation.name())).join(", ");
    format!(
        "The simulator's ledger\n  \
           orders created           {}\n  \
           creates without alias    {}\n  \
           fulfillments started     {started}\n  \
           calls                    {calls}",
        ledger.orders_created(),
        ledger.creates_without_alias(),
    )
}
