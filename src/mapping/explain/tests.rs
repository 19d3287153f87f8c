//! Errors of programs with their place, and what the body has there.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::mapping::path::Path;
use crate::mapping::{PRESETS, Program};

/// Line and column of an error, and its hint; nothing where the place cannot be told.
fn explained(source: &str, body: &Value) -> Option<(String, Option<String>)> {
    let program = Program::compile(source).unwrap();
    let (headers, variables) = (BTreeMap::new(), BTreeMap::new());
    let body = serde_json::to_vec(body).unwrap();
    let input = Input { body: &body, headers: &headers, routing_key: "", variables: &variables };
    let Explained { place, hint } = program.explain(&input)?;
    Some((format!("{}:{}", place.line, place.column), hint))
}

#[test]
fn an_error_is_told_with_its_place_and_the_names_of_the_fields_there() {
    let mut wrong = Vec::new();
    let body = json!({
        "billing": { "first_name": "Ada", "last name": "Lovelace", "phone": null },
        "lines": [{ "tax": [1], "x": {} }, { "tax": "Ada" }],
        "name": "Ada", "empty": {}, "list": [],
    });
    for (source, place, hint) in [
        (
            "{\n  to: [.billing.address[]]\n}",
            "2:8",
            "`.billing.address[]`: `.billing` has no `address`, it has: first_name, \"last name\", phone",
        ),
        // a field of nothing is nothing, so the first one that is not there is told
        (
            "[.billing.a.b.c[]]",
            "1:2",
            "`.billing.a.b.c[]`: `.billing` has no `a`, it has: first_name, \"last name\", phone",
        ),
        ("[.billing.phone[]]", "1:2", "`.billing.phone[]`: `.billing.phone` is null"),
        ("[.billing[\"last name\"].x]", "1:2", "`.billing.\"last name\".x`: `.billing.\"last name\"` is a text"),
        ("[.empty.a[]]", "1:2", "`.empty.a[]`: `.empty` has no `a`, it is empty"),
        ("[.lines[].tax[]]", "1:2", "`.lines[].tax[]`: `.lines[1].tax` is a text"),
        ("[.lines[] | .tax[]]", "1:13", "`.tax[]`: `.tax` is a text"),
        ("[.lines[] | .x[\"y\"][]]", "1:13", "`.x.y[]`: `.x` has no `y`, it is empty"),
        ("[.lines[5].tax[]]", "1:2", "`.lines[5].tax[]`: `.lines[5]` is null"),
        ("[.lines[0].tax.x]", "1:2", "`.lines[0].tax.x`: `.lines[0].tax` is a list"),
        ("[.lines[]?.tax[]?.x]", "1:2", "`.lines[]?.tax[]?.x`: `.lines[0].tax[0]` is a number"),
        ("{ name, id: .name.first }", "1:13", "`.name.first`: `.name` is a text"),
        (".lines[0] | {\n  tax, x: (.tax | {y}) }", "2:20", "`.y`: `.` is a list"),
        (".placed | todate", "1:11", "`todate` gets null"),
        ("def amount: money_minor(2); { a: (.cents | amount) }", "1:13", "`money_minor` gets null"),
        ("{ a: (.lines | map(.tax) | money_sum) }", "1:28", "`money_sum` gets a list"),
        ("del(.name[])", "1:1", "`del` gets an object, it has: billing, empty, lines, list, name"),
        (".name |= .b", "1:10", "`.b`: `.` is a text"),
        ("# é\n[\"\\(.name.x)\"]", "2:5", "`.name.x`: `.name` is a text"),
        ("if .name[] then 1 else 2 end", "1:4", "`.name[]`: `.name` is a text"),
        ("(.name, .list) as $x | $x.b", "1:24", ""),
        (". as $o | 1 + $o.name.first", "1:15", ""),
        ("{ a: (.list - 1) }", "1:7", ""),
        ("-.name", "1:2", ""),
        // a part without a name has the place of the field around it
        ("{ b: 1,\n  lines: (.name | .[]) }", "2:3", ""),
        ("[.lines[] | .tax[$routing_key].x]", "1:13", ""),
        (".email // error(\"no e-mail\")", "1:11", ""),
        ("if .a then (.b // error(\"x\")) else (.c // error(\"x\")) end", "1:43", ""),
        ("reduce .lines[] as $l (0; . + $l.tax.x)", "1:31", ""),
        ("(try error(\"a\") catch null) as $x | .x // (.name | keys)", "1:52", "`keys` gets a text"),
        // a recursion takes no more memory than without places
        ("def f: if . > 0 then (. - 1 | f) else error(\"end\") end; 100000 | f", "1:39", ""),
    ] {
        let expected = (place.to_owned(), Some(hint.to_owned()).filter(|hint| !hint.is_empty()));
        let found = explained(source, &body);
        if found.as_ref() != Some(&expected) {
            wrong.push(format!("{source}: {found:?}"));
        }
        assert!(!format!("{found:?}").contains("Ada"), "{source}: {found:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_told_where_the_place_is_not_known() {
    let body = json!({ "name": "Ada", "list": [1] });
    for source in [
        // no error
        ".",
        ".name[]?",
        "empty",
        // nothing around has a name
        ".[] | .[]",
        // with places, it raises another error than without
        "def first_name: .name.first; first_name |= 1",
        // the program's own
        "error([\"noted by bwp-sync\", 0, null, \"x\"])",
    ] {
        assert_eq!(explained(source, &body), None, "{source}");
    }
    let many = Value::Object((0..25).map(|number| (format!("f{number:02}"), json!(1))).collect());
    let (_, hint) = explained("[.a[]]", &many).unwrap();
    assert!(hint.as_deref().is_some_and(|hint| hint.ends_with("f18, f19 and 5 more")), "{hint:?}");
}

/// Orders of the presets with a value of another type in each place.
#[test]
fn every_error_of_a_preset_has_a_place() {
    let orders = [
        include_str!("../../../config/mappings/shopify/plain-order.in.json"),
        include_str!("../../../config/mappings/commercetools/plain-order.in.json"),
    ];
    let (headers, variables) = (BTreeMap::new(), BTreeMap::new());
    let mut errors = 0;
    for ((name, source), order) in PRESETS.into_iter().zip(orders) {
        let program = Program::compile(source).unwrap();
        let body: Value = serde_json::from_str(order).unwrap();
        for path in Path::leaves(&body) {
            for other in [json!(null), json!("Ada"), json!({ "a": [] })] {
                let mut body = body.clone();
                *path.value_mut(&mut body).unwrap() = other;
                let body = serde_json::to_vec(&body).unwrap();
                let input = Input { body: &body, headers: &headers, routing_key: "", variables: &variables };
                if let Err(failure) = program.run(&input) {
                    errors += 1;
                    assert!(program.explain(&input).is_some(), "{name} {}: {failure}", path.shown());
                }
            }
        }
    }
    assert!(errors > 10, "{errors}");
}

/// Terms that nobody wrote. Each ends soon: a fold whose update had several answers would follow each of them.
fn terms() -> impl Strategy<Value = String> {
    const WORDS: [&str; 17] = [
        ".",
        ".a",
        ".a.b",
        ".b[0]",
        ".a[]?",
        ".[\"b\"]",
        ".b[].a",
        "1",
        "-2",
        "\"t\"",
        "null",
        "$x",
        "keys",
        "error",
        "tojson",
        "money_sum",
        "empty",
    ];
    const PATHS: [&str; 4] = [".a", ".b[0]", ".a[]?", ".b"];
    const OPERATORS: [&str; 10] = ["+", "-", "*", "/", "//", "==", "and", "or", ",", "|"];
    select(&WORDS[..]).prop_map(str::to_owned).prop_recursive(3, 24, 3, |inner| {
        let three = (inner.clone(), inner.clone(), inner.clone());
        (0..22, three, select(&PATHS[..]), select(&OPERATORS[..])).prop_map(
            |(form, (one, two, three), path, operator)| match form {
                0..4 => format!("({one} {operator} {two})"),
                4 => format!("[{one}]"),
                5 => format!("{{a: {one}, b: ({two})}}"),
                6 => "{a, b}".to_owned(),
                7 => format!("\"x\\({one})\""),
                8 => format!("(if {one} then {two} else {three} end)"),
                9 => format!("(reduce ({one}) as $x ({two}; first({three})))"),
                10 => format!("(foreach ({one}) as $x ({two}; first({three})))"),
                11 => format!("(try {one} catch {two})"),
                12 => format!("({one})?"),
                13 => format!("({one} as $x | {two})"),
                14 => format!("first({one})"),
                15 => format!("limit(2; {one})"),
                16 => format!("map({one})"),
                17 => format!("path({one})"),
                18 => format!("({path} |= {one})"),
                19 => format!("({path} += {one})"),
                20 => format!("del({path})"),
                _ => format!("(def f: {one}; {two} | f)"),
            },
        )
    })
}

#[test]
fn a_program_with_places_gives_the_answers_and_errors_of_the_one_without() {
    let (headers, variables) = (BTreeMap::new(), BTreeMap::new());
    let told = |ended| match ended {
        Ended::Raised(error) => error.into_val(),
        Ended::Failed(failure) => Val::from(failure.to_string()),
    };
    let shown = |result: Result<Val, Val>| match result {
        Ok(answer) => format!("answer {answer}"),
        Err(error) => format!("error {error}"),
    };
    let seen = Cell::new((0, 0));
    let compare = |term: String| {
        let source = format!(". as $x | {term}");
        let program = Program::compile(&source).unwrap();
        let arena = Arena::default();
        let filter = compiled(&arena, wrapped(&source, &arena).unwrap().0).unwrap();
        for body in [r#"{"a":{"b":"x"},"b":[{"a":null},2]}"#, r#"{"a":[1,"2"],"b":"t"}"#, "[{}]"] {
            let input = Input { body: body.as_bytes(), headers: &headers, routing_key: "", variables: &variables };
            let plain = program.evaluated(&input).map_err(told);
            let mut with_places = evaluated(&filter, &input).map_err(told);
            let (mut answers, mut placed) = seen.get();
            if let Err(Val::Arr(noted)) = with_places.clone()
                && let [Val::TStr(mark), .., error] = noted.as_slice()
                && mark[..] == *NOTED.as_bytes()
            {
                with_places = Err(error.clone());
                placed += 1;
            }
            answers += usize::from(plain.is_ok());
            seen.set((answers, placed));
            // as texts: no number that is none equals another one
            prop_assert_eq!(shown(plain), shown(with_places), "{} of {}", source, body);
        }
        Ok(())
    };
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&terms(), compare).unwrap();
    let (answers, placed) = seen.get();
    assert!(answers > 20 && placed > 20, "{answers} {placed}");
}
