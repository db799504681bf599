//! What the connector says: lines for people, one line that is rewritten on a terminal, or JSON lines.
//!
//! Nothing of it holds a header, a body or a credential.

use super::pod::Head;
use crate::output::Output;
use moltghost_protocol::tunnel::Reset;
use serde_json::{json, Value};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the line on a terminal is written anew.
const REFRESH: Duration = Duration::from_millis(500);

/// What has happened so far, and how it is told.
#[derive(Debug)]
pub struct Report {
    output: Output,
    /// Whether there is a line to rewrite.
    live: bool,
    begun: Instant,
    served: AtomicU64,
    failed: AtomicU64,
    current: AtomicU64,
    bytes: AtomicU64,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    link: String,
    pod: Option<String>,
}

impl Report {
    /// A report in the form that is asked for.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            live: !output.json && !output.quiet && std::io::stderr().is_terminal(),
            begun: Instant::now(),
            served: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            current: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            said: Mutex::new(Said { link: "connecting".to_owned(), pod: None }),
        }
    }

    /// Something that happens once in a while: `event` for programs, with members; `text` for people.
    pub fn event(&self, event: &str, members: &Value, text: &str) {
        if self.output.json {
            let mut line = json!({ "time": now(), "event": event });
            if let (Some(line), Some(members)) = (line.as_object_mut(), members.as_object()) {
                line.extend(members.clone());
            }
            // A reader that is gone is no reason to stop serving.
            let _ = self.output.line(&line.to_string());
        } else {
            self.clear_line();
            self.output.say(&format!("· {text}"));
        }
    }

    /// What to do, for people.
    pub fn advise(&self, text: &str) {
        if !self.output.json {
            self.clear_line();
            self.output.say(&format!("  {text}"));
        }
    }

    /// How the link is, in a few words.
    pub fn link(&self, state: &str) {
        state.clone_into(&mut self.said().link);
    }

    /// The pod did not answer.
    pub fn pod_is_down(&self, why: &str) {
        let before = self.said().pod.replace(why.to_owned());
        if before.as_deref() != Some(why) {
            self.event("pod_down", &json!({ "reason": why }), &format!("the pod does not answer: {why}"));
            if let Some(advice) = crate::dial::trust_advice(why) {
                self.advise(advice);
            }
        }
    }

    /// The pod broke a call off.
    pub fn pod_broke(&self, why: &str) {
        self.event("pod_broke_off", &json!({ "reason": why }), &format!("the pod broke off: {why}"));
    }

    /// The pod answers.
    pub fn pod_is_up(&self) {
        if self.said().pod.take().is_some() {
            self.event("pod_up", &json!({}), "the pod answers again");
        }
    }

    /// Rewrites the line on a terminal for as long as it is polled.
    pub async fn run(self: Arc<Self>) {
        if !self.live {
            return std::future::pending().await;
        }
        let mut timer = tokio::time::interval(REFRESH);
        loop {
            timer.tick().await;
            // A line that wraps could not be taken away again.
            let line: String = self.line().chars().take(columns().saturating_sub(1)).collect();
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\x1b[K{line}").and_then(|()| err.flush());
        }
    }

    /// Takes the line away, before other lines are written.
    pub fn clear_line(&self) {
        if self.live {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r\x1b[K").and_then(|()| err.flush());
        }
    }

    fn line(&self) -> String {
        let said = self.said();
        let count = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let pod = if said.pod.is_some() { "pod down" } else { "pod up" };
        format!(
            "{} · {pod} · {} now, {} served, {} failed · {} · up {}",
            said.link,
            count(&self.current),
            count(&self.served),
            count(&self.failed),
            size(count(&self.bytes)),
            clock(self.begun.elapsed().as_secs()),
        )
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One call, told when it is over.
#[derive(Debug)]
pub struct Called {
    report: Arc<Report>,
    begun: Instant,
    what: Option<(String, String)>,
    told: bool,
    /// The pod's status, once it has come.
    pub status: Option<u16>,
    /// Bytes of the pod's body so far.
    pub bytes: u64,
    /// Whether the whole answer went on.
    pub complete: bool,
    /// Why it was given up on this side.
    pub failed: Option<Reset>,
}

impl Called {
    /// A call has come.
    pub fn begin(report: &Arc<Report>, head: Option<&Head>) -> Self {
        report.current.fetch_add(1, Ordering::Relaxed);
        Self {
            report: Arc::clone(report),
            begun: Instant::now(),
            // Without the query: what stands in it is the caller's.
            what: head.map(|head| {
                (head.method.to_string(), head.path.split('?').next().unwrap_or_default().to_owned())
            }),
            told: false,
            status: None,
            bytes: 0,
            complete: false,
            failed: None,
        }
    }

    /// The call is over.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let report = &self.report;
        report.current.fetch_sub(1, Ordering::Relaxed);
        report.bytes.fetch_add(self.bytes, Ordering::Relaxed);
        let figure = if self.complete { &report.served } else { &report.failed };
        figure.fetch_add(1, Ordering::Relaxed);
        if report.output.json {
            let how = match (self.complete, self.failed) {
                (true, _) => "complete",
                (false, Some(reason)) => reason.as_str(),
                // Dropped from outside: the caller left, or the link was lost.
                (false, None) => "cancelled",
            };
            let (method, path) = self.what.clone().unwrap_or_default();
            let members = json!({
                "method": method, "path": path, "status": self.status, "bytes": self.bytes, "how": how,
                "ms": u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            });
            report.event("call", &members, "");
        }
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        self.end();
    }
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    moltghost_protocol::time::rfc3339(i64::try_from(since.as_millis()).unwrap_or_default())
}

/// How many characters a line of the terminal takes.
fn columns() -> usize {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stderr()) {
        if size.ws_col > 0 {
            return usize::from(size.ws_col);
        }
    }
    80
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} B"),
        10_000..=9_999_999 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// Seconds as people read them.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(
            (size(12), size(123_456), size(104_857_600)),
            ("12 B".into(), "123 kB".into(), "104 MB".into())
        );
        assert_eq!((clock(59), clock(61), clock(3_723)), ("0:59".into(), "1:01".into(), "1:02:03".into()));
    }

    #[test]
    fn a_call_counts_once_however_it_ends() {
        let report = Arc::new(Report::new(Output { json: false, quiet: true }));
        let mut called = Called::begin(&report, None);
        called.complete = true;
        called.end();
        drop(called);
        drop(Called::begin(&report, None));
        assert!(
            report.line().starts_with("connecting · pod up · 0 now, 1 served, 1 failed"),
            "{}",
            report.line()
        );
    }
}
