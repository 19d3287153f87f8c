//! The preflight of the API: a token, an order that cannot exist, and every document.
//!
//! Not here: how documents are tried without any effect (`api`).

use anyhow::Context;
use strum::IntoEnumIterator;

use crate::api::{Client, Probe, Probed};
use crate::domain::order::{Alias, OrderIdentifier};
use crate::domain::stored::UnknownField;
use crate::policy::catalogue::{Class, QUERY_ACTION};
use crate::policy::classify::classify;
use crate::ports::{ApiError, Finding, Operation, Purpose, Verdict};
use crate::settings::Settings;

const ORDERS: &str = "orders are created, and looked for before a letter is written";
const DOCUMENTS: &str = "orders are created, started, amended and refunded";
const FIELDS: &str = "one field that the API does not know stops nothing else";

/// Gets a token and tries every document.
pub(super) async fn findings(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let client = Client::new(settings.api()).context("cannot set up the API client")?;
    let nobodys = Alias::new(settings.conventions().aliases.order, "bwp-sync check, an order that cannot be there");
    let probes = client.probe(&OrderIdentifier::Alias(nobodys)).await;
    let unknown = client.unknown_fields();
    let reads = || probes.iter().filter_map(|probe| read(probe));
    // a failure of all documents is told once; a refused query is told with its document
    let speaking = reads().find(|answer| !answer.as_ref().is_err_and(is_refused_query)).or_else(|| reads().next());
    let order = speaking.map(found);
    let reached = order.as_ref().is_some_and(|finding| finding.verdict != Verdict::Fails);
    let mut findings: Vec<Finding> = order.into_iter().collect();
    if reached || probes.iter().any(|probe| error(probe).is_some_and(is_refused_query)) {
        findings.push(documents(&probes));
    }
    findings.extend(unknown.iter().map(field));
    Ok(findings)
}

fn read(probe: &Probe) -> Option<&Result<bool, ApiError>> {
    match &probe.asked {
        Probed::Read(answer) => Some(answer),
        Probed::Validated(_) => None,
    }
}

fn error(probe: &Probe) -> Option<&ApiError> {
    match &probe.asked {
        Probed::Read(answer) => answer.as_ref().err(),
        Probed::Validated(answer) => answer.as_ref().err(),
    }
}

fn is_refused_query(error: &ApiError) -> bool {
    classify(Operation::Order, error).class == Class::QueryRefused
}

/// The finding about an order that cannot exist.
fn found(answer: &Result<bool, ApiError>) -> Finding {
    let (verdict, detail) = match answer {
        Ok(false) => (Verdict::Holds, "token given; an unknown order is answered with nothing".to_owned()),
        Ok(true) => (Verdict::Unknown, "token given; the API knows an order that cannot be there".to_owned()),
        Err(error) => {
            let failure = classify(Operation::Order, error);
            match failure.class {
                Class::NotThere => (Verdict::Holds, "token given; an unknown order is said to be unknown".to_owned()),
                Class::Denied if !failure.systemic => (
                    Verdict::Unknown,
                    "token given; an unknown order is denied, as one without access would be".to_owned(),
                ),
                Class::Denied
                | Class::MaybeAlreadyDone
                | Class::AlreadyDone
                | Class::Throttled
                | Class::Transient
                | Class::OutcomeUnknown
                | Class::Rejected
                | Class::QueryRefused
                | Class::Unlisted => (Verdict::Fails, format!("{error}; hint: {}", failure.action)),
            }
        }
    };
    Finding { subject: "api".into(), verdict, detail, promise: ORDERS }
}

/// The finding about documents that the API refuses.
fn documents(probes: &[Probe]) -> Finding {
    let refused = |probe: &Probe| {
        let error = error(probe).filter(|error| is_refused_query(error))?;
        let missing_variables = matches!(probe.asked, Probed::Validated(_)) && speaks_of_variables(error);
        let failure = classify(Operation::Order, error);
        let why = if failure.detail.is_empty() { failure.message } else { failure.detail };
        (!missing_variables).then(|| format!("{}: {why}", probe.document))
    };
    let refused: Vec<String> = probes.iter().filter_map(refused).collect();
    if refused.is_empty() {
        return Finding::holds("api documents", format!("{} documents are valid", probes.len()), DOCUMENTS);
    }
    Finding::fails("api documents", format!("{}; hint: {QUERY_ACTION}", refused.join("; ")), DOCUMENTS)
}

/// Whether the error is about variables alone. A mutation is sent without them, and a server says so only where the
/// document is valid.
fn speaks_of_variables(error: &ApiError) -> bool {
    let ApiError::Answered { errors, .. } = error else { return false };
    errors.iter().all(|error| error.unknown_field.is_none() && error.message.to_ascii_lowercase().contains("variable"))
}

/// The finding about a field that the API does not know, with the work that needs it.
fn field(field: &UnknownField) -> Finding {
    let needed = |purpose: &Purpose| {
        purpose.needs().iter().any(|untold| untold.for_want_of(std::slice::from_ref(field)).is_some())
    };
    let needing: Vec<&str> = Purpose::iter().filter(|purpose| needed(purpose)).map(|purpose| purpose.name()).collect();
    let subject = format!("field {}", field.name);
    if needing.is_empty() {
        return Finding::holds(subject, "not known to the API, left out", FIELDS);
    }
    Finding::fails(
        subject,
        format!("not known to the API, and needed to {}; hint: {QUERY_ACTION}", needing.join(", ")),
        FIELDS,
    )
}
