//! The child as its worker sees it: started, asked, ended, and started again.
//!
//! Not here: which messages are mapped.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::definition::Mapping;
use super::frame::{ANSWER, FAILURE, Request, expected, length};
use super::limits::CPU_SECONDS;
use crate::domain::envelope::mapped::Answer;
use crate::mapping::{Explained, answer};

/// Time after which the child is started again. Its own bound is CPU time; on a busy machine that takes longer, so the
/// time doubles with each try of one message.
const WALL: Duration = Duration::from_secs(10);
/// How long a child may take until it is ready.
const START: Duration = Duration::from_secs(30);
/// Ends of a fresh child over one message, after which the message fails.
const ENDS: u32 = 2;

/// Maps bodies, one at a time.
#[derive(Debug)]
pub struct Mapper {
    program: PathBuf,
    mappings: Vec<Mapping>,
    child: Option<Running>,
}

/// A foreign message, as a mapping gets it.
#[derive(Clone, Copy, Debug)]
pub struct Foreign<'a> {
    /// The body, unpacked.
    pub body: &'a [u8],
    /// Headers that are text or numbers.
    pub headers: &'a BTreeMap<String, String>,
    /// Routing key of the shop's publication.
    pub routing_key: &'a str,
}

/// The child cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("the process for mappings cannot be started: {0}")]
pub struct CannotStart(#[from] io::Error);

#[derive(Debug)]
struct Running {
    process: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// It was asked before.
    used: bool,
}

impl Mapper {
    /// A mapper that starts `program mapper` when there is something to map.
    pub fn new(program: PathBuf, mappings: Vec<Mapping>) -> Self {
        Self { program, mappings, child: None }
    }

    /// The mappings, in the order of the settings.
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// The first mapping that is for a message, by its position.
    pub fn mapping_for(
        &self,
        routing_key: &str,
        message_type: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Option<usize> {
        self.mappings.iter().position(|mapping| mapping.is_for(routing_key, message_type, headers))
    }

    /// The answer of a mapping to a message. A message that ends a fresh child twice fails.
    ///
    /// # Errors
    /// The child cannot be started: no message's fault.
    pub async fn map(&mut self, mapping: usize, foreign: Foreign<'_>) -> Result<Answer, CannotStart> {
        let (mut ends, mut wall) = (0, WALL);
        loop {
            let mut child = match self.child.take() {
                Some(child) => child,
                None => self.start().await?,
            };
            let is_fresh = !std::mem::replace(&mut child.used, true);
            let asked = timeout(wall, child.ask(mapping, foreign, false)).await;
            if let Ok(Ok(reply)) = asked {
                self.child = Some(child);
                return Ok(match self.answer(mapping, &reply) {
                    Answer::Failed(why) if reply.first() == Some(&FAILURE) => {
                        Answer::Failed(match self.explained(mapping, foreign).await {
                            Some(Explained { place, .. }) => format!("{place}: {why}"),
                            None => why,
                        })
                    }
                    answer => answer,
                });
            }
            let took_too_long = asked.is_err();
            let status = child.end().await;
            let why = why(status);
            let name = self.mappings.get(mapping).map(|mapping| mapping.name.as_str());
            tracing::warn!(mapping = name, is_fresh, took_too_long, "the process for mappings is started again: {why}");
            if took_too_long {
                // the machine is busy: the bound on CPU time is the message's
                wall *= 2;
            } else if is_fresh {
                ends += 1;
            }
            if ends >= ENDS {
                return Ok(Answer::Failed(why.to_owned()));
            }
        }
    }

    /// Where a mapping fails on a message; none where that cannot be told. Its hint has names of the body's fields: it is
    /// for the person whose body it is, and for no letter and no log.
    pub async fn explained(&mut self, mapping: usize, foreign: Foreign<'_>) -> Option<Explained> {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => self.start().await.ok()?,
        };
        match timeout(WALL, child.ask(mapping, foreign, true)).await {
            Ok(Ok(reply)) => {
                self.child = Some(child);
                serde_json::from_slice(&reply).ok()?
            }
            // the failure is known already, so another child need not try
            Ok(Err(_)) | Err(_) => {
                child.end().await;
                None
            }
        }
    }

    fn answer(&self, mapping: usize, reply: &[u8]) -> Answer {
        let kind = self.mappings.get(mapping).map(|mapping| mapping.kind.as_str()).unwrap_or_default();
        let failed = |why: &str| Answer::Failed(why.to_owned());
        let Some((form, text)) = reply.split_first() else { return failed("the process for mappings gave no answer") };
        let text = String::from_utf8_lossy(text);
        match *form {
            ANSWER => match RawValue::from_string(text.into_owned()) {
                Ok(json) => answer(&json, kind).unwrap_or_else(|failure| Answer::Failed(failure.to_string())),
                Err(_) => failed("the answer is no JSON"),
            },
            FAILURE => failed(&text),
            _ => failed("the process for mappings gave no answer"),
        }
    }

    async fn start(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        // neither secrets of the environment nor files that are open here are its business
        command.arg("mapper").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.kill_on_drop(true).spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let mut child = Running { process, input, output, used: false };
        let setup = serde_json::to_vec(&self.mappings)?;
        let ready = async {
            child.send(&setup).await?;
            child.receive().await
        };
        match timeout(START, ready).await {
            Ok(Ok(_)) => Ok(child),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("it is not ready in time")),
        }
    }
}

impl Running {
    async fn ask(&mut self, mapping: usize, foreign: Foreign<'_>, explain: bool) -> io::Result<Vec<u8>> {
        let Foreign { body, headers, routing_key } = foreign;
        let request = Request { mapping, headers: headers.clone(), routing_key: routing_key.to_owned(), explain };
        self.send(&serde_json::to_vec(&request)?).await?;
        self.send(body).await?;
        self.receive().await
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.write_all(&length(bytes)?).await?;
        self.input.write_all(bytes).await?;
        self.input.flush().await
    }

    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.output.read_exact(&mut head).await?;
        let mut bytes = vec![0; expected(head)?];
        self.output.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    /// Ends the child, unless it has ended; how, if that can be told.
    async fn end(mut self) -> Option<ExitStatus> {
        drop(self.input);
        // one that ended by itself keeps its own status
        self.process.start_kill().ok();
        self.process.wait().await.ok()
    }
}

/// Why a child ended over a message.
fn why(status: Option<ExitStatus>) -> &'static str {
    const _: () = assert!(CPU_SECONDS == 1);
    let signal = status.and_then(|status| status.signal());
    if signal == Some(Signal::XCPU.as_raw()) {
        "it took more than 1 s of CPU time: a loop without an end?"
    } else {
        "its process ended: too much memory, or a recursion without an end?"
    }
}
