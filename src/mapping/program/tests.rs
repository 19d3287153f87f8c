//! Programs that answer, and programs that cannot.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::mapping::probes;

fn run_with(source: &str, body: &str, headers: &[(&str, &str)]) -> Result<String, String> {
    let program = Program::compile(source).map_err(|faults| faults[0].to_string())?;
    let headers = headers.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let variables = BTreeMap::from([("offer".to_owned(), json!("_offer"))]);
    let input = Input { body: body.as_bytes(), headers: &headers, routing_key: "orders/create", variables: &variables };
    program.run(&input).map(|answer| answer.get().to_owned()).map_err(|failure| match program.explain(&input) {
        Some(explained) => format!("{}: {failure}", explained.place),
        None => failure.to_string(),
    })
}

fn run(source: &str, body: &str) -> Result<String, String> {
    run_with(source, body, &[])
}

#[test]
fn a_program_gets_body_headers_routing_key_and_variables() {
    let source = r#"{ id: .id, event: $headers["x-event"], key: $routing_key, offer: $vars.offer, ours: $headers["bwp-delays"] }"#;
    let headers = [("X-Event", "e-1"), ("bwp-delays", "3")];
    let answer = run_with(source, r#"{"id": 7}"#, &headers).unwrap();
    assert_eq!(answer, r#"{"id":7,"event":"e-1","key":"orders/create","offer":"_offer","ours":null}"#);
}

#[test]
fn a_number_that_is_not_calculated_with_keeps_its_digits() {
    for number in ["99999999999999999.99", "0.10", "38.7900", "123456789012345678901234567890", "-0.05"] {
        assert_eq!(run(".a", &format!("{{\"a\":{number}}}")).as_deref(), Ok(number));
    }
    assert_eq!(run(".a", "{\"a\":1.50e2}").as_deref(), Ok("1.50e+2"), "another spelling of the exponent alone");
}

#[test]
fn money_is_exact() {
    let body = r#"{"a":99999999999999999.99,"b":"0.01","list":[0.1,"0.2",3],"cents":12345,"big":12345678901234567890}"#;
    for (source, answer) in [
        ("[.a, .b] | money_sum", r#""100000000000000000.00""#),
        (".list | money_sum", r#""3.3""#),
        ("[] | money_sum", r#""0""#),
        ("money_sub(.b; .a)", r#""-99999999999999999.98""#),
        ("money_mul(.a; 3)", r#""299999999999999999.97""#),
        (".a | money_neg", r#""-99999999999999999.99""#),
        (".cents | money_minor(2)", r#""123.45""#),
        (".cents | money_minor(0)", r#""12345""#),
        (".big | money_minor(2)", r#""123456789012345678.90""#),
        ("\"1.005\" | money_round(2)", r#""1.01""#),
        ("money_cmp(.a; \"99999999999999999.98\")", "1"),
        ("money_cmp(\"1.0\"; 1)", "0"),
        ("money_cmp(.b; .a)", "-1"),
        ("\"100\" | money_div(3; 2)", r#"{"each":"33.33","left":"0.01"}"#),
        ("\"-100\" | money_div(3; 2)", r#"{"each":"-33.33","left":"-0.01"}"#),
        ("[.list[] | money_round(2)] | money_sum", r#""3.30""#),
    ] {
        assert_eq!(run(source, body).as_deref(), Ok(answer), "{source}");
    }
}

#[test]
fn what_is_no_exact_amount_is_refused() {
    for (source, said) in [
        ("[0.1 + 0.2] | money_sum", "that arithmetic has made inexact"),
        ("[.name] | money_sum", "got no exact decimal"),
        ("[null] | money_sum", "got no exact decimal"),
        ("5 | money_sum", "`money_sum`: expected a list of amounts"),
        ("1.5 | money_minor(2)", "`money_minor`: expected a whole number"),
        ("1 | money_minor(31)", "no number of digits from 0 to 30"),
        ("1 | money_div(0; 2)", "`money_div`: expected a whole number of parts"),
        ("money_mul(\"99999999999999999999\"; \"99999999999999999999\")", "more than 38 digits"),
    ] {
        let failure = run(source, r#"{"name":"Ada Lovelace"}"#).unwrap_err();
        assert!(failure.contains(said) && !failure.contains("Ada"), "{source}: {failure}");
    }
}

#[test]
fn a_program_has_no_way_out() {
    for source in [
        "halt",
        "halt(0)",
        "halt_error",
        "env",
        "$ENV",
        "now",
        "input",
        "inputs",
        "debug",
        "debug(.)",
        "stderr",
        "localtime",
        "input_filename",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "get_search_list",
        "input_line_number",
    ] {
        let fault = run(source, "{}").unwrap_err();
        assert!(fault.starts_with("line 1 column "), "{source}: {fault}");
    }
}

#[test]
fn a_fault_is_told_with_its_place() {
    for (source, said) in [
        ("{ order: .id,\n  total: mony_sum }", "line 2 column 10: there is no filter `mony_sum`"),
        ("{\n  a: $lines }", "line 2 column 6: there is no variable `$lines`"),
        ("{ a: (1 }", "line 1 column"),
        ("# ünïcode\n.a as", "line 2 column 6: expected pattern"),
        ("", "line 1 column 1: expected term"),
    ] {
        let fault = run(source, "{}").unwrap_err();
        assert!(fault.starts_with(said), "{fault}");
    }
    let faults = Program::compile("[one, two]").unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn an_error_is_told_without_values() {
    let mut wrong = Vec::new();
    let body = r#"{"name":"Ada Lovelace","list":[{"secret":"tok-1"}],"n":42}"#;
    for (source, said) in [
        ("{\n  town: .name.city }", "line 2 column 9: `city`: expected an object around it, got a text"),
        (".name.b + .name.b", "line 1 column 1: `b`: expected an object around it, got a text"),
        (".list.x", "line 1 column 1: `x`: expected an object around it, got a list"),
        (".list[\"x y\"]", "line 1 column 1: expected an object or a list, got a list"),
        (".n | keys", "line 1 column 6: expected a list or an object, got a number"),
        (".name[]", "line 1 column 1: expected a list or an object, got a text"),
        (".n - .name", "line 1 column 1: cannot calculate with a number and what follows it"),
        (".name | tonumber", "line 1 column 9: the program raised an error that quotes a value, which is not repeated"),
        ("error(\"no e-mail\")", "line 1 column 1: no e-mail"),
        ("error(.name)", "line 1 column 1: the program raised an error that quotes a value, which is not repeated"),
        ("error(\"no \\(.name)\")", "line 1 column 1: the program raised an error that quotes a value"),
        (".name | error", "line 1 column 9: the program raised an error that quotes a value"),
        ("{a: .name} | error", "line 1 column 14: the program raised an error that quotes a value"),
        ("error(\"cannot use \\(.name) as x\")", "line 1 column 1: the program raised an error that quotes a value"),
        ("empty", "expected one answer, got none: `empty` is no answer, `null` is"),
        ("1, 2", "expected one answer, got several"),
        ("1 / 0", "the answer is no JSON"),
        ("label $f | break $f", "expected one answer, got none"),
        ("\"a\" * 9000000", "the answer has more than 8388608 bytes"),
    ] {
        let failure = run(source, body).unwrap_err();
        if !failure.starts_with(said) {
            wrong.push(format!("{source}: {failure}"));
        }
        for value in ["Ada", "Lovelace", "tok-1", "42"] {
            assert!(!failure.contains(value), "{source}: {failure}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_body_that_is_no_json_is_refused_with_its_place() {
    let deep = "[".repeat(200);
    for body in ["", "{", "NaN", "{\"a\": 1} # comment", "[1,]", "{} {}", &deep, "{\"a\":\u{feff}}"] {
        let failure = run(".", body).unwrap_err();
        assert!(failure.starts_with("body: not JSON at line 1 column "), "{body}: {failure}");
    }
}

#[test]
fn lost_digits_are_found_where_they_are_lost() {
    let body = json!({ "total": "10.50", "tax": 1.25, "cents": 1250, "lines": [{ "price": "5.00", "quantity": 2 }] });
    let lost = |source: &str| {
        let program = Program::compile(source).unwrap();
        let none = (BTreeMap::new(), BTreeMap::new());
        let run = |body: &Value| -> Option<Value> {
            let body = serde_json::to_vec(body).unwrap();
            let answer = program.run(&Input { body: &body, headers: &none.0, routing_key: "", variables: &none.1 });
            serde_json::from_str(answer.ok()?.get()).ok()
        };
        let found = probes(&body).into_iter().flat_map(|probe| {
            let [Some(one), Some(two), Some(three)] = probe.bodies.clone().map(|body| run(&body)) else {
                return vec![];
            };
            probe.lost([&one, &two, &three])
        });
        found.map(|it| format!("{} -> {}", it.input, it.output)).collect::<Vec<_>>()
    };
    let exact = "{ total, tax, all: ([.total, .tax] | money_sum), minor: (.cents | money_minor(2)),
        lines: [.lines[] | { price, quantity, sum: money_mul(.price; .quantity) }] }";
    assert_eq!(lost(exact), [""; 0]);
    assert_eq!(lost("{ total: (.total | tonumber | . + 0.0) }"), ["total -> total"]);
    assert_eq!(lost("{ a: { b: (.tax * 2) } }"), ["tax -> a.b"]);
    assert_eq!(lost("{ c: [(.cents / 100)] }"), ["cents -> c[0]"]);
    assert_eq!(lost("{ lines: [.lines[] | { p: (.price | tonumber + 0.0) }] }"), ["lines[0].price -> lines[0].p"]);
}
