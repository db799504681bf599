//! Open loop: calls are due at fixed times, whatever becomes of those before them.
//!
//! Each connection takes the next due time, waits for it, and calls. A time counts from when the call was due, not
//! from when a connection was free to make it, so that a target which stalls is charged for everybody who would
//! have waited (no coordinated omission). Calls that were due but never sent before the end count with the time
//! for which they had waited by then: less than the truth, never more. The rate is that of the answers which came
//! inside the window, whenever they were due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::arguments::Open;
use crate::clock;
use crate::connection::Connection;
use crate::error::LoadError;
use crate::pacer::Pacer;
use crate::record::{Record, Report};

/// The times at which calls are due, handed out in order.
struct Schedule {
    next: AtomicU64,
    begin: u64,
    from: u64,
    to: u64,
    rate: f64,
}

impl Schedule {
    /// The next due time, or none after the end.
    #[allow(clippy::cast_precision_loss)]
    fn take(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = self.begin + clock::from_seconds(number as f64 / self.rate);
        (due < self.to).then_some(due)
    }
}

/// Runs the schedule on all connections and reports them together.
pub async fn run(options: &Open) -> Result<Report, LoadError> {
    let mut connections = Vec::new();
    for number in 0..options.connections {
        let mut connection = Connection::new(Arc::new(options.load.target(number)?));
        connection.open().await?;
        connections.push((connection, Pacer::new()?));
    }
    let begin = clock::nanoseconds();
    let from = begin + clock::from_seconds(options.load.warmup);
    let to = from + clock::from_seconds(options.load.seconds);
    let schedule = Arc::new(Schedule { next: AtomicU64::new(0), begin, from, to, rate: options.rate });
    let workers: Vec<_> = connections
        .into_iter()
        .map(|(connection, pacer)| tokio::spawn(worker(connection, pacer, Arc::clone(&schedule))))
        .collect();
    let mut record = Record::default();
    for worker in workers {
        if let Ok(part) = worker.await {
            record.merge(part);
        }
    }
    Ok(record.report(to - from))
}

async fn worker(mut connection: Connection, mut pacer: Pacer, schedule: Arc<Schedule>) -> Record {
    let mut record = Record::default();
    while let Some(due) = schedule.take() {
        let counts = due >= schedule.from;
        let now = clock::nanoseconds();
        if now >= schedule.to {
            if counts {
                record.unserved += 1;
                record.total.add(now.saturating_sub(due));
            }
            continue;
        }
        if now < due {
            pacer.until(due).await;
            if counts {
                record.late.add(clock::nanoseconds().saturating_sub(due));
            }
        }
        let mut chunks = 0;
        let delay = &mut record.delay;
        let result = connection
            .call(|written, read| {
                chunks += 1;
                if counts {
                    delay.add(read.saturating_sub(written));
                }
            })
            .await;
        match result {
            Ok(answer) => {
                if (schedule.from..schedule.to).contains(&answer.end) {
                    record.calls += 1;
                    record.chunks += chunks;
                }
                if counts {
                    record.total.add(answer.end.saturating_sub(due));
                    record.first.add(answer.first.saturating_sub(due));
                }
            }
            Err(text) => record.error(text),
        }
    }
    record
}
