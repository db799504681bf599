//! `logs`: what happened to an agent, from the account's event stream.
//!
//! Invariant: an event is printed once, in order; a stream that is lost is taken up after the last one that was
//! printed, and what the deployment no longer keeps is said to be missing.

use crate::api::{agent_path, refusal, Api, Call};
use crate::args::Logs;
use crate::command::{control, query};
use crate::failure::{Failure, Kind};
use crate::output::{cell, time, Output};
use http_body_util::BodyExt;
use moltghost_protocol::endpoint::sse::{Assembler, Event, Part};
use moltghost_protocol::stream::Cursor;
use serde_json::Value;
use std::time::Duration;

/// No log has this epoch: a reader that says so is told all that is kept, after a gap event that names the newest.
const FROM_THE_BEGINNING: &str = "0-0";
/// Longest wait before a lost stream is opened again.
const LONGEST_PAUSE: u64 = 30_000;

/// `logs`.
pub async fn logs(args: Logs, output: Output) -> Result<(), Failure> {
    let api = control()?;
    let agent = api.ask(Call::get(agent_path(&args.name))).await?;
    let skip = match &args.after {
        None => None,
        Some(id) => Some(Cursor::parse(id).ok_or_else(|| {
            Failure::new(Kind::Usage, format!("{id} is no id of an event."))
                .next("moltghost logs --json tells them.")
        })?),
    };
    // What is kept now has an end, which only a gap tells: who does not follow asks for it all.
    let after = if args.follow { args.after.clone() } else { None };
    let mut reader = Reader {
        agent: cell(&agent, "id"),
        account: cell(&agent, "account"),
        asked: after.is_some(),
        after: after.unwrap_or_else(|| FROM_THE_BEGINNING.to_owned()),
        skip,
        newest: None,
        follow: args.follow,
        output,
    };
    let mut failures = 0;
    loop {
        let before = reader.after.clone();
        match reader.read(&api).await? {
            End::Done => return Ok(()),
            End::Lost if reader.after != before => failures = 0,
            End::Lost => {}
        }
        let most = LONGEST_PAUSE.min(500 << failures.min(10));
        failures += 1;
        output.say("· the stream was lost; opening it again");
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..most))).await;
    }
}

enum End {
    Done,
    Lost,
}

struct Reader {
    agent: String,
    account: String,
    /// Id of the last event that was seen.
    after: String,
    /// Events up to this one are not printed.
    skip: Option<Cursor>,
    /// Without `--follow`: the event to stop after.
    newest: Option<String>,
    /// Whether the user named the event to begin after, so that a gap means a loss.
    asked: bool,
    follow: bool,
    output: Output,
}

impl Reader {
    async fn read(&mut self, api: &Api) -> Result<End, Failure> {
        let query = query(&[("account", Some(&self.account)), ("last_event_id", Some(&self.after))]);
        let response = match api.open(&Call::get(format!("/api/v1/events{query}"))).await {
            Ok(response) => response,
            Err(failure) if failure.kind == Kind::Unreachable && self.newest.is_some() => {
                return Ok(End::Lost)
            }
            Err(failure) => return Err(failure),
        };
        let status = response.status();
        let mut body = response.into_body();
        if !status.is_success() {
            let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            return Err(refusal(status, &bytes, api.base()));
        }
        let mut assembler = Assembler::new();
        // `None` never comes before its turn: comments come every 15 s.
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(Duration::from_mins(1), body.frame()).await {
            let Some(chunk) = frame.data_ref() else { continue };
            let mut from = 0;
            while let Some(part) = assembler.next(chunk, &mut from) {
                let data = match &part {
                    Part::Whole(bytes, _) => Event::read(bytes).data.map(std::borrow::Cow::into_owned),
                    Part::Joined(bytes) => Event::read(bytes).data.map(std::borrow::Cow::into_owned),
                    Part::Tail(_) | Part::Piece { .. } => None,
                };
                let Some(event) = data.and_then(|data| serde_json::from_slice::<Value>(&data).ok()) else {
                    continue;
                };
                if self.event(&event)? {
                    return Ok(End::Done);
                }
            }
        }
        Ok(End::Lost)
    }

    /// Prints an event if it is the agent's; answers whether it was the last that is wanted.
    fn event(&mut self, event: &Value) -> Result<bool, Failure> {
        if let Some(error) = event.get("error") {
            let code = cell(error, "code");
            if code == "internal_error" {
                return Ok(false);
            }
            return Err(
                Failure::new(Kind::Credential, cell(error, "message")).next("Sign in again: moltghost login")
            );
        }
        let kind = cell(event, "type");
        if kind == "stream.gap" {
            if self.asked {
                self.output.say("· events are missing here: the deployment keeps the newest 10,000");
            }
            self.asked = true;
            self.newest = Some(cell(event, "newest"));
            return Ok(
                !self.follow && Cursor::parse(&cell(event, "newest")).is_none_or(|cursor| cursor.seq == 0)
            );
        }
        self.after = cell(event, "id");
        if cell(event, "agent") == self.agent && !self.is_skipped() {
            self.print(event, &kind)?;
        }
        Ok(!self.follow && self.newest.as_deref() == Some(&self.after))
    }

    /// Whether the event that was just seen is one of those that the user has seen.
    fn is_skipped(&self) -> bool {
        let Some(skip) = &self.skip else { return false };
        Cursor::parse(&self.after).is_some_and(|at| at.epoch == skip.epoch && at.seq <= skip.seq)
    }

    fn print(&self, event: &Value, kind: &str) -> Result<(), Failure> {
        if self.output.json {
            return self.output.line(&event.to_string());
        }
        let what = match kind {
            "agent.state" => match event.get("reason").and_then(Value::as_str) {
                Some(reason) => format!("{}: {reason}", cell(event, "state")),
                None => cell(event, "state"),
            },
            "replica.up" | "replica.down" => cell(event, "replica"),
            _ => match event.get("key") {
                Some(key) => format!("{} ({})", cell(key, "name"), cell(key, "id")),
                None => String::new(),
            },
        };
        self.output.line(format!("{}  {kind:12}  {what}", time(event, "created_at")).trim_end())
    }
}
