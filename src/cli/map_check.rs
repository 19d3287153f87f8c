//! `bwp-sync map --check`: runs the examples beside each mapping, and looks for amounts that lose digits.
//!
//! Not here: one body alone (`map`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::args::Map;
use super::exit::Exit;
use super::map::{Made, of_file};
use super::terminal::one_line;
use super::terminal::{say, say_json};
use crate::domain::conventions::Conventions;
use crate::domain::envelope::mapped::Answer;
use crate::domain::packing::without_mark;
use crate::mapper::{Foreign, Mapper, Mapping, own_program};
use crate::mapping::probes;
use crate::ports;
use crate::settings::Settings;

/// End of the name of an example's body.
const INPUT: &str = ".in.json";

/// Faults of an example.
#[derive(Serialize)]
struct Finding {
    mapping: String,
    /// The example; none of a mapping without examples.
    example: Option<String>,
    faults: Vec<String>,
}

pub(super) async fn check(settings: Option<&Settings>, args: &Map) -> anyhow::Result<Exit> {
    let conventions = &settings.map(Settings::conventions).unwrap_or_default();
    let mappings = match args.files.is_empty() {
        true => settings.map(Settings::mappings).unwrap_or_default().to_vec(),
        false => args.files.iter().map(|file| of_file(file, &args.by.kind)).collect::<anyhow::Result<_>>()?,
    };
    let mut findings = Vec::new();
    for mapping in &mappings {
        findings.extend(of_mapping(mapping, args.update, conventions).await?);
    }
    show(&findings, args.json)?;
    let failed = findings.iter().any(|finding| !finding.faults.is_empty());
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// One line for each mapping, for `check`.
pub(super) async fn findings(settings: &Settings) -> anyhow::Result<Vec<ports::Finding>> {
    const PROMISE: &str = "what the shop publishes becomes a message";
    let mut findings = Vec::new();
    for mapping in settings.mappings() {
        let subject = format!("mapping {}", mapping.name);
        let examples = of_mapping(mapping, false, &settings.conventions()).await?;
        let faults: Vec<_> = examples.iter().flat_map(|finding| &finding.faults).map(|fault| one_line(fault)).collect();
        let passed = examples.iter().filter(|finding| finding.example.is_some()).count();
        let examples = if passed == 0 { "no examples".to_owned() } else { format!("{passed} examples pass") };
        let unbound = if mapping.types.is_empty() { "" } else { "; `types` add no binding of the work queue" };
        findings.push(match faults.as_slice() {
            [] => ports::Finding::holds(subject, format!("{examples}{unbound}"), PROMISE),
            [first, rest @ ..] => {
                let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
                ports::Finding::fails(subject, format!("{first}{more}"), PROMISE)
            }
        });
    }
    Ok(findings)
}

fn show(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(say_json(serde_json::to_string_pretty(findings)?)?);
    }
    if findings.is_empty() {
        say("no mappings")?;
    }
    for Finding { mapping, example, faults } in findings {
        let mapping = one_line(mapping);
        match example {
            None => say(format_args!("{mapping}: no examples"))?,
            Some(example) if faults.is_empty() => say(format_args!("{mapping}: {} ok", one_line(example)))?,
            Some(example) => say(format_args!("{mapping}: {} FAILS", one_line(example)))?,
        }
        faults.iter().try_for_each(|fault| say(format_args!("  {}", one_line(fault))))?;
    }
    Ok(())
}

async fn of_mapping(mapping: &Mapping, update: bool, conventions: &Conventions) -> anyhow::Result<Vec<Finding>> {
    let finding = |example, faults| Finding { mapping: mapping.name.clone(), example, faults };
    let Some(folder) = &mapping.examples else { return Ok(vec![finding(None, Vec::new())]) };
    let cases = cases(folder)?;
    if cases.is_empty() {
        return Ok(vec![finding(None, Vec::new())]);
    }
    let mut mapper = Mapper::new(own_program()?, vec![mapping.clone()]);
    let mut findings = Vec::new();
    for case in cases {
        let example = Example::read(folder, &case, mapping)?;
        findings.push(finding(Some(case), example.faults(&mut mapper, mapping, update, conventions).await?));
    }
    Ok(findings)
}

/// Names of the examples in a folder, sorted.
fn cases(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", folder.display())),
    };
    let mut cases = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        cases.extend(name.strip_suffix(INPUT).map(ToOwned::to_owned));
    }
    cases.sort_unstable();
    Ok(cases)
}

/// A body, and what is expected of it.
struct Example {
    folder: PathBuf,
    case: String,
    body: Vec<u8>,
    headers: BTreeMap<String, String>,
    routing_key: String,
    /// The mapping divides amounts of this example, so a rest may be left.
    divides: bool,
}

impl Example {
    fn read(folder: &Path, case: &str, mapping: &Mapping) -> anyhow::Result<Self> {
        let path = |end: &str| folder.join(format!("{case}{end}"));
        let body = std::fs::read(path(INPUT)).with_context(|| format!("cannot read `{}`", path(INPUT).display()))?;
        let headers = match std::fs::read(path(".headers.json")) {
            Ok(headers) => serde_json::from_slice(&headers)
                .with_context(|| format!("`{}`: expected an object of texts", path(".headers.json").display()))?,
            Err(_) => BTreeMap::new(),
        };
        let routing_key = mapping.routing_keys.first().cloned().unwrap_or_default();
        let (folder, case, divides) = (folder.to_owned(), case.to_owned(), path(".divides").exists());
        Ok(Self { folder, case, body, headers, routing_key, divides })
    }

    fn path(&self, end: &str) -> PathBuf {
        self.folder.join(format!("{}{end}", self.case))
    }

    async fn faults(
        &self,
        mapper: &mut Mapper,
        mapping: &Mapping,
        update: bool,
        conventions: &Conventions,
    ) -> anyhow::Result<Vec<String>> {
        let answer = self.answer(mapper, &self.body).await?;
        let made = Made::of(mapping, self.foreign(&self.body), answer, conventions);
        if update {
            self.update(&made)?;
        }
        let mut faults = self.differences(&made)?;
        if made.wrong.is_none() && !self.divides {
            faults.extend(self.lost_digits(mapper).await?);
        }
        Ok(faults)
    }

    fn foreign<'a>(&'a self, body: &'a [u8]) -> Foreign<'a> {
        Foreign { body: without_mark(body), headers: &self.headers, routing_key: &self.routing_key }
    }

    async fn answer(&self, mapper: &mut Mapper, body: &[u8]) -> anyhow::Result<Answer> {
        Ok(mapper.map(0, self.foreign(body)).await?)
    }

    fn update(&self, made: &Made) -> anyhow::Result<()> {
        let (wanted, other) = if made.wrong.is_some() { (".error", ".out.json") } else { (".out.json", ".error") };
        let text = match &made.wrong {
            Some(wrong) => wrong.clone(),
            None => serde_json::to_string_pretty(&made.event)?,
        };
        let path = self.path(wanted);
        std::fs::write(&path, text + "\n").with_context(|| format!("cannot write `{}`", path.display()))?;
        if self.path(other).exists() {
            std::fs::remove_file(self.path(other))?;
        }
        Ok(())
    }

    /// Differences between what is expected and what was made.
    fn differences(&self, made: &Made) -> anyhow::Result<Vec<String>> {
        if let Ok(expected) = std::fs::read_to_string(self.path(".error")) {
            let expected = expected.trim();
            return Ok(match &made.wrong {
                Some(wrong) if wrong == expected => Vec::new(),
                Some(wrong) => vec![format!("expected the error `{expected}`, got `{wrong}`")],
                None => vec![format!("expected the error `{expected}`, got a message")],
            });
        }
        if let Some(wrong) = &made.wrong {
            return Ok(vec![wrong.clone()]);
        }
        let path = self.path(".out.json");
        let Ok(expected) = std::fs::read(&path) else {
            return Ok(vec![format!("no `{}`\nhint: `--update` writes it", path.display())]);
        };
        let expected: Value =
            serde_json::from_slice(&expected).with_context(|| format!("`{}`: no JSON", path.display()))?;
        let patch = json_patch::diff(&expected, &made.event);
        Ok(patch.0.iter().map(|change| format!("{} is not as expected", change.path())).collect())
    }

    async fn lost_digits(&self, mapper: &mut Mapper) -> anyhow::Result<Vec<String>> {
        let Ok(body) = serde_json::from_slice::<Value>(without_mark(&self.body)) else { return Ok(Vec::new()) };
        let mut faults = Vec::new();
        for probe in probes(&body) {
            let mut answers = Vec::new();
            for body in &probe.bodies {
                if let Answer::Message(message) = self.answer(mapper, &serde_json::to_vec(body)?).await? {
                    answers.push(serde_json::from_str::<Value>(message.data.get())?);
                }
            }
            if let [one, two, three] = &answers[..] {
                let lost = probe.lost([one, two, three]).into_iter();
                faults.extend(lost.map(|it| format!("{} loses digits on its way to {}", it.input, it.output)));
            }
        }
        if !faults.is_empty() {
            let mark = self.path(".divides");
            faults.push(format!(
                "hint: if it divides amounts, and tells what is left, put an empty `{}` there",
                mark.display()
            ));
        }
        Ok(faults)
    }
}
