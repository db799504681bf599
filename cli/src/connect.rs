//! `connect`: serves an agent's calls from a pod that nobody can reach, over one connection that is opened from here
//! (docs/tunnel-protocol.md).
//!
//! Invariant: no port is opened; what the pod or the endpoint sends is held up to the tunnel's windows and no further;
//! a lost link is opened again for as long as that can help; a signal lets the calls in flight end, a second one does
//! not wait.

mod backoff;
mod call;
mod inbound;
mod link;
pub mod pod;
mod report;
mod table;
pub mod target;
mod upgrade;

use crate::args::Connect;
use crate::dial::{dialer, trust_advice};
use crate::failure::{Failure, Kind};
use crate::output::Output;
use crate::secret_header::SecretHeader;
use backoff::Backoff;
use link::{End, Stop};
use moltghost_protocol::tunnel::{Goodbye, Hello, ReplicaName};
use pod::Pod;
use report::Report;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use target::Target;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use upgrade::Refused;

/// `connect`.
///
/// # Errors
/// Why it cannot go on. A drain that was asked for is no error.
pub async fn connect(args: Connect, output: Output) -> Result<(), Failure> {
    let secrets =
        args.headers.iter().map(|given| SecretHeader::read(given)).collect::<Result<Vec<_>, _>>()?;
    let pod = Pod::new(&args.to, &secrets)?;
    let replica = args.replica.as_deref().unwrap_or(ReplicaName::DEFAULT);
    let replica = ReplicaName::parse(replica).ok_or_else(|| {
        Failure::new(
            Kind::Usage,
            "A replica is named by up to 63 letters, digits, dots, hyphens and underscores.",
        )
    })?;
    let hello = upgrade::hello(replica, args.weight, args.region.map(|region| region.to_string()));
    let target = target::find(&args.name, args.new_token).await?;
    let report = Arc::new(Report::new(output));
    let (stop, stopped) = watch::channel(Stop::No);
    let connector =
        Connector { target, hello, pod, report: Arc::clone(&report), stop: stopped, links: JoinSet::new() };
    let done = tokio::select! {
        done = connector.run() => done,
        done = signals(&stop, Duration::from_secs(args.drain), &report) => done,
        () = Arc::clone(&report).run() => Ok(()),
    };
    report.clear_line();
    done
}

/// The first signal drains, the second ends.
async fn signals(stop: &watch::Sender<Stop>, patience: Duration, report: &Report) -> Result<(), Failure> {
    signal().await?;
    let text = format!("ending: calls in flight have {} s; once more ends at once", patience.as_secs());
    report.event("draining", &json!({ "seconds": patience.as_secs() }), &text);
    report.link("draining");
    let _ = stop.send(Stop::Drain(patience));
    signal().await?;
    Err(Failure::new(Kind::Interrupted, "Ended at once; callers of calls in flight were told."))
}

/// Waits for a signal that ends the program.
#[cfg(unix)]
pub async fn signal() -> Result<(), Failure> {
    use tokio::signal::unix::{signal, SignalKind};
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        done = tokio::signal::ctrl_c() => done?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

/// Waits for a signal that ends the program.
#[cfg(not(unix))]
pub async fn signal() -> Result<(), Failure> {
    Ok(tokio::signal::ctrl_c().await?)
}

struct Connector {
    target: Target,
    hello: Hello,
    pod: Pod,
    report: Arc<Report>,
    stop: watch::Receiver<Stop>,
    /// Links that the endpoint leaves, whose calls go on while the next link is up.
    links: JoinSet<End>,
}

impl Connector {
    async fn run(mut self) -> Result<(), Failure> {
        self.look_at_pod().await;
        let dialer = dialer();
        let mut backoff = Backoff::default();
        let mut said = String::new();
        loop {
            if self.is_stopping() {
                return self.finish().await;
            }
            let opened = tokio::select! {
                opened = upgrade::open(&dialer, &self.target, &self.hello) => opened,
                _ = self.stop.changed() => continue,
            };
            let why = match opened {
                Ok((socket, name)) => {
                    said.clear();
                    backoff.up(Instant::now());
                    self.connected(&name);
                    match self.serve(socket).await {
                        Ended::Drained => return self.finish().await,
                        Ended::Goodbye(goodbye) => match give_up(goodbye) {
                            Ok(()) => goodbye.as_str().to_owned(),
                            Err(failure) => {
                                // Calls in flight are none the wiser; the endpoint ends the link after them.
                                while self.links.join_next().await.is_some() {}
                                return Err(failure);
                            }
                        },
                        Ended::Lost(why) => why,
                    }
                }
                Err(Refused::Goodbye(goodbye)) => {
                    give_up(goodbye)?;
                    goodbye.as_str().to_owned()
                }
                Err(Refused::Status(status, message)) => refused(status, message)?,
                Err(Refused::ForNow(why)) => why,
            };
            if self.is_stopping() {
                return self.finish().await;
            }
            let pause = backoff.pause(Instant::now(), fastrand::f64());
            self.report.link(&format!("connecting again ({why})"));
            if why != said {
                let members = json!({ "reason": why, "pause_ms": u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) });
                self.report.event("disconnected", &members, &format!("no link: {why}; trying again"));
                if let Some(advice) = trust_advice(&why) {
                    self.report.advise(advice);
                }
                said = why;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stop.changed() => {}
            }
        }
    }

    /// Serves until the link is lost or left.
    async fn serve(&mut self, socket: upgrade::Socket) -> Ended {
        let (leaving, mut left) = oneshot::channel();
        let serving =
            link::run(socket, self.pod.clone(), Arc::clone(&self.report), self.stop.clone(), leaving);
        let mut link = Box::pin(serving);
        tokio::select! {
            biased;
            end = &mut link => end.into(),
            Ok(goodbye) = &mut left => {
                // Its calls go on; the endpoint closes it.
                self.links.spawn(link);
                Ended::Goodbye(goodbye)
            }
        }
    }

    /// Waits for links whose calls go on.
    async fn finish(mut self) -> Result<(), Failure> {
        while self.links.join_next().await.is_some() {}
        self.report.event("ended", &json!({}), "ended: no call is left");
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    fn connected(&self, link: &str) {
        let (agent, replica) = (&self.target.agent, self.hello.replica.as_str());
        self.report.link(&format!("connected as {replica}"));
        let host = self.target.uri.host().unwrap_or_default();
        let members = json!({ "agent": agent, "replica": replica, "link": link, "pod": self.pod.base() });
        self.report.event(
            "connected",
            &members,
            &format!("connected to {host} as {replica}: {} serves {agent}", self.pod.base()),
        );
    }

    /// Says what the pod has, for its owner; a pod that is not up yet is asked again when calls come.
    async fn look_at_pod(&self) {
        match self.pod.probe().await {
            Ok(found) => {
                let text = found.describe(self.pod.base());
                let members = json!({ "url": self.pod.base(), "models": found.models, "tools": found.tools });
                self.report.event("pod", &members, &text);
            }
            Err(why) => self.report.pod_is_down(&why),
        }
    }
}

enum Ended {
    Lost(String),
    Goodbye(Goodbye),
    Drained,
}

impl From<End> for Ended {
    fn from(end: End) -> Self {
        match end {
            End::Lost(why) => Self::Lost(why),
            End::Goodbye(goodbye) => Self::Goodbye(goodbye),
            End::Drained => Self::Drained,
        }
    }
}

/// A goodbye after which connecting again is of no use is a failure.
fn give_up(goodbye: Goodbye) -> Result<(), Failure> {
    let (kind, message, next) = match goodbye {
        Goodbye::Shutdown | Goodbye::Protocol | Goodbye::TooManyLinks => return Ok(()),
        Goodbye::Replaced => (
            Kind::Conflict,
            "Another connector serves this agent under the same replica name now.",
            "For several pods give each connector a --replica of its own.",
        ),
        Goodbye::Token => (
            Kind::Credential,
            "The connect token was replaced.",
            "Set the new one in MOLTGHOST_CONNECT_TOKEN, or add --new-token to make one.",
        ),
        Goodbye::Version => (
            Kind::Other,
            "The deployment speaks another version of the tunnel's protocol.",
            "Use the moltghost of the deployment's version.",
        ),
        Goodbye::Terminated => {
            (Kind::NotFound, "The agent was terminated.", "Make another with: moltghost deploy NAME")
        }
        Goodbye::NotTunnel => (
            Kind::Conflict,
            "The agent is reached at an address now, not by a connector.",
            "Look with: moltghost status NAME",
        ),
        Goodbye::Drained => {
            (Kind::Conflict, "The owner drains this replica.", "Connect again once it is wanted again.")
        }
    };
    Err(Failure::new(kind, message).next(next))
}

/// An answer in place of the upgrade: a failure, or why to try again.
fn refused(status: u16, message: String) -> Result<String, Failure> {
    let failure = |kind| Failure::new(kind, message.clone());
    match status {
        401 | 403 => Err(failure(Kind::Credential)
            .next("The connect token opens nothing here; --new-token makes another.")),
        404 | 410 => Err(failure(Kind::NotFound).next("List what there is: moltghost agent list")),
        400 | 405 | 409 | 426 => Err(failure(Kind::Conflict)),
        _ => Ok(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_come_back_does_and_others_end_with_advice() {
        for code in 1..=9 {
            let goodbye = Goodbye::of(code);
            assert_eq!(give_up(goodbye).is_ok(), goodbye.comes_back(), "{}", goodbye.as_str());
        }
        assert!(refused(503, "x".into()).is_ok() && refused(429, "x".into()).is_ok());
        assert_eq!(refused(401, "x".into()).unwrap_err().kind, Kind::Credential);
    }
}
