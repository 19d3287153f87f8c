//! Sentences that a stranger reads once: none has over 25 words, none begins with a word that hides its subject.
//! Not here: whether they are true.

const MOST_WORDS: usize = 25;
const HIDING: [&str; 4] = ["What", "Whoever", "So", "The same"];

/// Faults of the sentences of a page in Markdown. Code, tables and headings are not read.
pub(crate) fn faults(page: &str) -> impl Iterator<Item = String> {
    paragraphs(page).into_iter().flat_map(|paragraph| sentences(&paragraph)).filter_map(|sentence| fault(&sentence))
}

/// The comments of a file in Rust or TOML as a page in Markdown: code between them separates paragraphs.
pub(crate) fn comments(source: &str) -> String {
    let paragraph = |line: &str| match whole_line(line) {
        Some(text) => format!("{text}\n"),
        None => format!("\n{}\n\n", behind_code(line).unwrap_or_default()),
    };
    source.lines().map(paragraph).collect()
}

fn whole_line(line: &str) -> Option<&str> {
    let line = line.trim_start();
    ["//!", "///", "//", "# "].iter().find_map(|mark| line.strip_prefix(mark))
}

fn behind_code(line: &str) -> Option<&str> {
    [";", ",", "{"].iter().find_map(|end| line.split_once(&format!("{end} // "))).map(|(_, text)| text)
}

fn fault(sentence: &str) -> Option<String> {
    let words = sentence.split_whitespace().count();
    let begins = |word: &str| {
        sentence.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word))
            && sentence[word.len()..].starts_with([' ', ','])
    };
    let hides = HIDING.iter().any(|word| begins(word));
    (words > MOST_WORDS || hides).then(|| format!("{words} words: {sentence}"))
}

fn paragraphs(page: &str) -> Vec<String> {
    let (mut paragraphs, mut code) = (vec![String::new()], false);
    for line in page.lines() {
        let text = line.trim_start();
        let fence = text.starts_with("```");
        code ^= fence;
        if code || fence || text.is_empty() || text.starts_with(['|', '#', '<']) {
            paragraphs.push(String::new());
            continue;
        }
        let item = text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")).or_else(|| numbered(text));
        if item.is_some() {
            paragraphs.push(String::new());
        }
        let paragraph = paragraphs.last_mut().expect("there is always one");
        paragraph.push_str(item.unwrap_or(text));
        paragraph.push(' ');
    }
    paragraphs
}

fn numbered(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then(|| rest.strip_prefix(". ")).flatten()
}

/// Sentences of a paragraph. Code in backticks counts as one word.
fn sentences(paragraph: &str) -> Vec<String> {
    let mut plain = String::new();
    for (place, part) in paragraph.split('`').enumerate() {
        plain.push_str(if place % 2 == 0 { part } else { "code" });
    }
    let plain = plain.replace("**", "");
    let (mut sentences, mut rest) = (Vec::new(), plain.as_str());
    while let Some(end) = end_of_sentence(rest) {
        sentences.push(rest[..end].trim().to_owned());
        rest = rest[end..].trim_start();
    }
    sentences.push(rest.trim().to_owned());
    sentences
}

/// The place after a mark that ends a sentence, and before a space. A lower-case letter continues the sentence.
fn end_of_sentence(text: &str) -> Option<usize> {
    let ends = text.match_indices(['.', '!', '?', ':', ';']).map(|(at, mark)| at + mark.len());
    ends.into_iter().find(|end| {
        let rest = &text[*end..];
        let next = rest.trim_start().trim_start_matches(['[', '(', '"']);
        rest.starts_with(' ')
            && (next.starts_with("code") || next.starts_with(|c: char| c.is_uppercase() || c.is_numeric()))
    })
}

#[test]
fn long_sentences_and_hidden_subjects_are_found() {
    let found = |page: &str| faults(page).count();
    assert_eq!(found("A short one. Another."), 0);
    assert_eq!(found("What it does is hidden."), 1);
    assert_eq!(found("Good. So it goes.\n\n- The same here."), 2);
    assert_eq!(found(&"word ".repeat(26)), 1);
    assert_eq!(found(&format!("```\n{}\n```\n| {} |", "word ".repeat(26), "word ".repeat(26))), 0);
    assert_eq!(found("Whatever it is, `What` too."), 0);
}

#[test]
fn comments_are_found_wherever_they_stand() {
    let found = |source: &str| faults(&comments(source)).count();
    assert_eq!(
        found(concat!(
            "//! What hides.\n\n/// So it goes.\nfn f() {\n    // the same here\n    g();",
            " // what is g\n}"
        )),
        4
    );
    assert_eq!(found("# What a key is for.\nkey = 1\n[section]\n# So it is.\n#[derive(Debug)]"), 2);
    assert_eq!(found("/// One.\nfn f() {}\n\nconst WHAT: &str = \"What\";\n// two"), 0);
    let half = "word ".repeat(13);
    assert_eq!(found(&format!("/// {half}\n/// {half}\nfn f() {{}}")), 1);
    assert_eq!(found(&format!("/// {half}\nfn f() {{}}\n/// {half}\nfn g() {{}}")), 0);
}
