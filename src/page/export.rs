//! Letters with their bodies as a file, in the form of `dead-letters export`.
//!
//! Not here: the form of a line.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::app::App;
use super::form::Form;
use super::layout::problem;
use super::query::Query;
use crate::broker::LetterBox;
use crate::dead_letters::archive;
use crate::dead_letters::browse::browse;
use crate::dead_letters::filter::Filter;

/// Bytes that are read from the file at a time.
const CHUNK: usize = 64 * 1024;

/// Sends all letters that match; who had them is noted in the ledger first.
pub(super) async fn export(State(app): State<Arc<App>>, Form { fields, visitor }: Form) -> Response {
    let refuse = |status, why: &str| problem(&app, Some(&visitor), status, why);
    let Some(runs) = app.running.folder() else {
        return refuse(StatusCode::FORBIDDEN, "There is no ledger, so nothing can be exported.");
    };
    let Some(text) = fields.all("query").next() else {
        return refuse(StatusCode::BAD_REQUEST, "The form names no letters.");
    };
    let query = Query::of(text, Timestamp::now());
    if !query.faults.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, &query.faults.join("; "));
    }
    let exported = async {
        let (file, letters) = write(&app, &runs.export(), &query.filter).await?;
        app.ledger(&visitor, "export", Some(&query.words()))?.step(None, letters, "exported")?;
        tracing::info!(letters, user = visitor.user, "letters were exported");
        anyhow::Ok(file)
    };
    match exported.await {
        Ok(file) => {
            let name = format!("dead-letters-{}.jsonl", Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
            let headers = [
                (CONTENT_TYPE, "application/x-ndjson".to_owned()),
                (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
            ];
            (headers, contents(file)).into_response()
        }
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &format!("Nothing is exported: {error:#}")),
    }
}

/// Writes the letters to a file that is gone when it is closed: the bodies of all would not fit into memory.
async fn write(app: &App, path: &Path, filter: &Filter) -> anyhow::Result<(File, usize)> {
    let mut written = archive::create(path)?;
    let file = File::open(path)?;
    fs::remove_file(path)?;
    let _turn = app.look.pass().await;
    let letter_box = LetterBox::open(&app.settings.broker).await?;
    let seen = browse(&letter_box, filter, |letter| archive::write(&mut written, &letter.exported())).await;
    letter_box.close().await;
    let letters = seen?.letters;
    let count = letters.len();
    letters.into_iter().collect::<Result<(), _>>()?;
    written.flush()?;
    Ok((file, count))
}

fn contents(file: File) -> Body {
    let chunks = stream::unfold(Some(file), async |file| {
        let mut file = file?;
        let read = spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK];
            let read = file.read(&mut chunk);
            (file, chunk, read)
        });
        match read.await {
            Ok((_, _, Ok(0))) => None,
            Ok((file, mut chunk, Ok(read))) => {
                chunk.truncate(read);
                Some((Ok(Bytes::from(chunk)), Some(file)))
            }
            Ok((_, _, Err(error))) => Some((Err(error), None)),
            Err(error) => Some((Err(std::io::Error::other(error)), None)),
        }
    });
    Body::from_stream(chunks)
}
