//! Output of the program does nothing to a terminal: all of it goes through one writer.
//! Not here: the writer's own tests (`src/cli/terminal.rs`), letters (`tests/dead_letters/terminal.rs`).

use std::path::{Path, PathBuf};

use crate::cli::{SETTINGS, bwp_sync};
use crate::output::output;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn only_the_writer_that_makes_characters_visible_writes_to_the_terminal() {
    let mut found = Vec::new();
    files(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli").as_ref(), &mut found);
    assert!(found.len() > 25);
    for file in found.iter().filter(|file| !file.ends_with("cli/terminal.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        for way in ["io::stdout", "io::stderr", "println!", "print!(", "dbg!", "use std::io::stdout"] {
            assert!(!text.contains(way), "{}: {way}", file.display());
        }
    }
}

#[test]
fn the_text_of_a_file_is_printed_without_effect() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("\u{1b}[2Jevent.json");
    std::fs::write(&file, "{}").unwrap();
    let output = output(bwp_sync(&["publish", file.to_str().unwrap()]).envs(SETTINGS));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\\u{1b}[2Jevent.json") && !said.contains('\u{1b}'), "{said:?}");
}
