//! Bodies and programs that nobody wrote, for a while: mappings answer or fail, and the next message is mapped.
//! `BWP_FUZZ_SECONDS` says how long; `scripts/fuzz --minutes N` sets it. `BWP_FUZZ_SEED` repeats a run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::RawMessage;
use bwp_sync::domain::envelope::mapped::{Answer, Mapped};
use bwp_sync::domain::transform::command_for;
use bwp_sync::mapper::{Foreign, Mapper};
use bwp_sync::mapping::Program;
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::mappings::mapper;
use crate::schemas::{changed, pointers};

const LONG: Duration = Duration::from_secs(300);
const PROGRAMS: [&str; 4] = ["shopify", "commercetools", "woocommerce", "adobe-commerce"];

/// Draws from a seed that is printed.
fn dice() -> Rng {
    let seed = std::env::var("BWP_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BWP_FUZZ_SEED={seed}");
    Rng::with_seed(seed)
}

fn until() -> Instant {
    let seconds = std::env::var("BWP_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    // two tests share the 30 seconds of a suite
    Instant::now() + Duration::from_secs(seconds.unwrap_or(15))
}

async fn answer(mapper: &mut Mapper, body: &[u8]) -> Answer {
    let headers = BTreeMap::new();
    let foreign = Foreign { body, headers: &headers, routing_key: "orders/create" };
    tokio::time::timeout(LONG, mapper.map(0, foreign)).await.expect("a mapping ends").expect("a child can be started")
}

/// A value that shops do not write.
fn strange(dice: &mut Rng) -> Value {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let values = [
        Value::Null,
        json!(""),
        json!(" "),
        json!([]),
        json!({}),
        json!(true),
        json!(-1),
        json!("12,50"),
        json!("1e99999"),
        json!("NaN"),
        json!("\u{0}\u{7f}\u{202e}é"),
        json!("x".repeat(10_000)),
        json!([{}, [], null]),
        serde_json::from_str("99999999999999999999999999999999999999.99").unwrap(),
        serde_json::from_str("1e400").unwrap(),
        deep,
    ];
    dice.choice(&values).unwrap().clone()
}

#[tokio::test]
async fn any_change_of_an_order_is_mapped_or_fails_without_a_value_in_the_reason() {
    let (mut dice, until) = (dice(), until());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings");
    let (mut made, mut failed) = (0, 0);
    let mut stages = Vec::new();
    for name in PROGRAMS {
        let source = std::fs::read_to_string(folder.join(format!("{name}.jq"))).unwrap();
        let entries = std::fs::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().path());
        let bodies = entries.filter(|path| path.to_str().unwrap().ends_with(".in.json"));
        let bodies: Vec<Value> =
            bodies.map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect();
        stages.push((name, mapper(&source), bodies));
    }
    while Instant::now() < until {
        let at = dice.usize(..stages.len());
        let (name, mapper, bodies) = &mut stages[at];
        let mut body = dice.choice(&*bodies).unwrap().clone();
        for _ in 0..=dice.usize(..3) {
            let places = pointers("", &body);
            if !places.is_empty() {
                let place = dice.choice(&places).unwrap().clone();
                let other = (dice.u8(..4) > 0).then(|| strange(&mut dice));
                body = changed(&body, &place, other);
            }
        }
        let bytes = serde_json::to_vec(&body).unwrap();
        let answer = answer(mapper, &bytes).await;
        match &answer {
            Answer::Failed(why) => {
                failed += 1;
                assert!(!why.contains("its process ended") && !why.contains("CPU"), "{name}: {why}\n{body}");
                for text in ["Maria", "Lopez", "410 Terry", "@shop.example", "xxxxx"] {
                    assert!(!why.contains(text), "{name}: {why}");
                }
            }
            Answer::Message(_) | Answer::Nothing => made += 1,
        }
        let headers = BTreeMap::new();
        let raw = RawMessage { headers: &headers, ..RawMessage::structured(&bytes) };
        let opened = Mapped { mapping: "fuzzed".into(), answer }.open(&raw);
        drop(opened.map(|envelope| command_for(&envelope, &Conventions::default())));
    }
    println!("{made} bodies answered, {failed} refused");
    assert!(made > 0 && failed > 0);
}

#[tokio::test]
async fn any_program_ends_and_the_next_one_is_run() {
    const WORDS: [&str; 40] = [
        ".",
        ".a",
        ".b[0]",
        "..",
        "|",
        ",",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "if",
        "then",
        "else",
        "end",
        "def f:",
        ";",
        "f",
        "reduce",
        "foreach",
        "as $x",
        "$x",
        "+",
        "*",
        "/",
        "-",
        "//",
        "?",
        "1",
        "\"t\"",
        "null",
        "recurse",
        "repeat(.)",
        "range(9)",
        "money_sum",
        "tojson",
        "error",
        "limit(3; ",
        "test(\"a*\")",
    ];
    let (mut dice, until) = (dice(), until());
    let (mut ran, mut refused) = (0, 0);
    while Instant::now() < until {
        let source: Vec<_> = (0..=dice.usize(..12)).map(|_| *dice.choice(&WORDS).unwrap()).collect();
        let source = source.join(" ");
        if Program::compile(&source).is_err() {
            refused += 1;
            continue;
        }
        ran += 1;
        let mut mapper = mapper(&source);
        // whatever it answers, it does, and does so again
        for body in [r#"{"a":[1,"2"],"b":[{"a":null}]}"#, "{}"] {
            drop(answer(&mut mapper, body.as_bytes()).await);
        }
    }
    println!("{ran} programs ran, {refused} did not compile");
    assert!(ran > 0 && refused > 0);
}
