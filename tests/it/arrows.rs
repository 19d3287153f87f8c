//! The arrows between the rooms: what each may import, and what the pure ones must not do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A room and the rooms that it may import, as in the map of `src/lib.rs`.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("mapping", &["domain"]),
    ("ports", &["domain"]),
    ("mapper", &["domain", "mapping", "ports", "worker"]),
    ("policy", &["domain", "ports"]),
    ("worker", &["domain", "ports", "policy", "trace"]),
    ("secret", &[]),
    ("tls", &[]),
    ("trace", &[]),
    ("api", &["domain", "ports", "secret", "tls"]),
    ("broker", &["domain", "ports", "secret", "tls", "trace"]),
    ("dead_letters", &["domain", "ports", "policy", "broker", "mapper"]),
    ("listening", &[]),
    ("page", &["domain", "broker", "dead_letters", "listening"]),
    ("admin", &["listening", "ports", "worker"]),
    ("settings", &["api", "broker", "domain", "mapper", "mapping", "policy", "secret", "tls", "trace", "worker"]),
    ("telemetry", &["secret", "settings", "tls", "trace"]),
    ("shutdown", &[]),
    (
        "cli",
        &[
            "admin",
            "api",
            "broker",
            "dead_letters",
            "domain",
            "mapper",
            "mapping",
            "page",
            "ports",
            "policy",
            "worker",
            "settings",
            "telemetry",
            "shutdown",
        ],
    ),
    ("simulator", &[]),
];

/// A folder of the broker and the folders that it may import. The files beside them import none.
const BROKERS_ARROWS: &[(&str, &[&str])] =
    &[("session", &[]), ("letters", &[]), ("preflight", &[]), ("migration", &["letters", "preflight", "session"])];

/// Rooms, and parts of rooms, that are pure.
const PURE: [&str; 15] = [
    "domain",
    "mapping",
    "policy",
    "dead_letters/edit",
    "dead_letters/filter",
    "dead_letters/leaves",
    "dead_letters/message",
    "dead_letters/overview",
    "dead_letters/plan",
    "dead_letters/shown",
    "dead_letters/stats",
    "page/chart",
    "page/query",
    "page/words",
    "worker/amended",
];

/// Words that stand for a clock, a wait, I/O or a log, none of which a pure room has.
const IMPURE: &[&str] = &[
    "async ",
    "Timestamp::now",
    "Instant::now",
    "SystemTime",
    "std::fs",
    "std::net",
    "tracing::",
    "tokio::",
    "println!",
];

#[test]
fn every_room_imports_only_what_its_arrow_points_to() {
    let mut wrong = Vec::new();
    for (room, allowed) in ARROWS {
        for (file, text) in sources(room) {
            let foreign =
                rooms_in(&text).into_iter().filter(|other| other != room && !allowed.contains(&other.as_str()));
            wrong.extend(foreign.map(|other| format!("{}: {room} must not import {other}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_the_broker_imports_only_what_its_arrow_points_to() {
    let is_folder = |name: &String| BROKERS_ARROWS.iter().any(|(folder, _)| folder == name);
    let mut wrong = Vec::new();
    for (folder, allowed) in BROKERS_ARROWS {
        for (file, text) in sources(&format!("broker/{folder}")) {
            let named = names_after("crate::broker::", &text).into_iter().filter(is_folder);
            let foreign = named.filter(|other| other != folder && !allowed.contains(&other.as_str()));
            wrong.extend(foreign.map(|other| format!("{}: {folder} must not import {other}", file.display())));
        }
    }
    let beside = sources("broker").into_iter().filter(|(file, _)| file.parent() == Some(&root().join("broker")));
    for (file, text) in beside.filter(|(file, _)| !file.ends_with("mod.rs")) {
        let named = ["crate::broker::", "super::"].iter().flat_map(|prefix| names_after(prefix, &text));
        wrong.extend(named.filter(is_folder).map(|folder| format!("{} must not import {folder}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_map() {
    let lib = std::fs::read_to_string(root().join("lib.rs")).unwrap();
    let rooms: BTreeSet<_> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(rooms, ARROWS.iter().map(|(room, _)| *room).collect());
    assert!(rooms.iter().all(|room| lib.contains(&format!("[`{room}`]")) || lib.contains(&format!("`{room}`"))));
}

#[test]
fn the_pure_rooms_neither_wait_nor_look_at_a_clock() {
    let mut wrong = Vec::new();
    for room in PURE {
        for (file, text) in sources(room) {
            let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let found = IMPURE.iter().filter(|word| code.iter().any(|line| line.contains(**word)));
            wrong.extend(found.map(|word| format!("{}: `{word}` in a pure room", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_arrow_is_found() {
    let rooms = |text: &str| rooms_in(text).into_iter().collect::<Vec<_>>();
    assert_eq!(rooms("use crate::worker::handle;"), ["worker"]);
    assert_eq!(rooms("use crate::{broker, ports};"), ["broker", "ports"]);
    assert_eq!(rooms("use crate::{\n    api::Client,\n    domain::{a, b},\n};"), ["api", "domain"]);
    assert_eq!(rooms("let x = crate::policy::decide::action(class);"), ["policy"]);
    assert!(rooms("/// [`crate::worker`] does that").is_empty());
    let folders = names_after("crate::broker::", "use crate::broker::{\n    letters::Place,\n    session,\n};");
    assert_eq!(folders.into_iter().collect::<Vec<_>>(), ["letters", "session"]);
}

/// Rooms that a source file names, comments aside.
fn rooms_in(text: &str) -> BTreeSet<String> {
    names_after("crate::", text)
}

/// Names that follow a path in a source file, comments aside.
fn names_after(path: &str, text: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(path) {
        let rest = code[at + path.len()..].trim_start();
        match rest.strip_prefix('{') {
            None => names.extend(first_word(rest)),
            Some(list) => names.extend(top_level(list).filter_map(first_word)),
        }
    }
    names
}

fn first_word(path: &str) -> Option<String> {
    let word: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// Entries of a list up to its closing brace, those in inner braces left with their outer one.
fn top_level(list: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut start, mut entries) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                entries.push(&list[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                entries.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    entries.into_iter()
}

/// Every source file of a room.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&root().join(room), &mut files);
    let single = root().join(format!("{room}.rs"));
    files.extend(single.exists().then_some(single));
    assert!(!files.is_empty(), "the room `{room}` has no files");
    files.into_iter().map(|file| (file.clone(), std::fs::read_to_string(file).unwrap())).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
