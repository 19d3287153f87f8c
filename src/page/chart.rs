//! Letters over time as a picture: bars of each span, one colour for each code. PURE.
//!
//! Not here: colours, which are in the style sheet; counting.

use jiff::Timestamp;
use maud::{Markup, html};

use super::words::{letters, line, number};
use crate::dead_letters::overview::Timeline;

const WIDTH: usize = 960;
const HEIGHT: usize = 160;
/// Room below the bars for times.
const FOOT: usize = 20;

/// The picture, with the same in words for those who do not see it.
pub(super) fn chart(timeline: &Timeline) -> Markup {
    let spans = timeline.codes.first().map_or(0, |(_, counts)| counts.len());
    let total = |span: usize| timeline.codes.iter().map(|(_, counts)| counts[span]).sum::<usize>();
    let highest = (0..spans).map(total).max().unwrap_or(0).max(1);
    let busiest = (0..spans).max_by_key(|span| total(*span)).unwrap_or(0);
    let to = begin(timeline, spans);
    let summary = format!(
        "Letters from {} to {}. Most in a span of {}: {}, from {} on.",
        time(timeline.from),
        time(to),
        length(timeline.span.as_secs()),
        number(highest),
        time(begin(timeline, busiest)),
    );
    let step = WIDTH / spans.max(1);
    html! {
        figure.chart {
            figcaption { "Letters over time, " (length(timeline.span.as_secs())) " a bar; the highest has " (letters(highest)) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + FOOT) } role="img" aria-label=(summary) preserveAspectRatio="none" {
                line.axis x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
                @for span in 0..spans {
                    @for bar in bars(timeline, span, highest) {
                        rect class={ "c" (bar.code) } x=(span * step + 1) y=(bar.top) width=(step.saturating_sub(2)) height=(bar.height) {
                            title { (time(begin(timeline, span))) ": " (number(bar.letters)) " " (line(bar.name)) }
                        }
                    }
                }
            }
            p.times aria-hidden="true" { span { (time(timeline.from)) } span { (time(to)) } }
            ul.legend {
                @for (at, (code, counts)) in timeline.codes.iter().enumerate() {
                    li {
                        svg.key viewBox="0 0 10 10" aria-hidden="true" { rect class={ "c" (colour(at, code.is_none())) } width="10" height="10" {} }
                        (line(code.as_deref().unwrap_or("others"))) " " (number(counts.iter().sum()))
                    }
                }
            }
        }
    }
}

/// A part of a bar.
struct Bar<'t> {
    code: &'static str,
    name: &'t str,
    letters: usize,
    top: usize,
    height: usize,
}

/// The parts of a span's bar, from below. One letter can be seen, however many another span has.
fn bars(timeline: &Timeline, span: usize, highest: usize) -> Vec<Bar<'_>> {
    let mut bars = Vec::new();
    let mut top = HEIGHT;
    for (at, (code, counts)) in timeline.codes.iter().enumerate().filter(|(_, (_, counts))| counts[span] > 0) {
        let height = (counts[span] * (HEIGHT - 10) / highest).max(2).min(top);
        top -= height;
        let name = code.as_deref().unwrap_or("others");
        bars.push(Bar { code: colour(at, code.is_none()), name, letters: counts[span], top, height });
    }
    bars
}

fn colour(at: usize, is_rest: bool) -> &'static str {
    const COLOURS: [&str; 6] = ["0", "1", "2", "3", "4", "5"];
    if is_rest { "rest" } else { COLOURS[at % COLOURS.len()] }
}

fn begin(timeline: &Timeline, span: usize) -> Timestamp {
    let seconds = timeline.span.as_secs().saturating_mul(i64::try_from(span).unwrap_or(i64::MAX));
    timeline.from.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(timeline.from)
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn length(seconds: i64) -> String {
    let (seconds, plural) =
        (
            seconds.unsigned_abs(),
            |count: u64, unit: &str| if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") },
        );
    match seconds {
        0..=7200 => plural(seconds.div_ceil(60), "minute"),
        7201..=172_800 => plural(seconds.div_ceil(3600), "hour"),
        _ => plural(seconds.div_ceil(86_400), "day"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn timeline(counts: &[&[usize]]) -> Timeline {
        let codes = counts
            .iter()
            .enumerate()
            .map(|(at, counts)| ((at > 0).then(|| format!("<Code{at}>").into()), counts.to_vec()));
        Timeline { from: Timestamp::UNIX_EPOCH, span: SignedDuration::from_secs(60), codes: codes.collect() }
    }

    #[test]
    fn the_smallest_count_can_be_seen_and_nothing_leaves_the_picture() {
        let timeline = timeline(&[&[1, 100_000], &[3, 50_000], &[0, 1]]);
        for span in 0..2 {
            let bars = bars(&timeline, span, 150_001);
            assert!(bars.iter().all(|bar| bar.height >= 2 && bar.top + bar.height <= HEIGHT), "{span}");
            assert_eq!(bars.iter().map(|bar| bar.letters).sum::<usize>(), [4, 150_001][span]);
        }
    }

    #[test]
    fn codes_are_no_markup_and_the_picture_is_said_in_words() {
        let shown = chart(&timeline(&[&[1, 2], &[0, 7]])).into_string();
        assert!(!shown.contains("<Code1>") && shown.contains("&lt;Code1&gt;"), "{shown}");
        assert!(shown.contains("Most in a span of 1 minute: 9, from 1970-01-01 00:01 on."), "{shown}");
    }
}
