//! Closed loop: each connection makes its next call when the last one has been answered.
//!
//! What counts is what ends inside the window between warm-up and end; chunks count by the moment at which they
//! are read, so that streams longer than the window are measured right too.

use std::sync::Arc;

use crate::arguments::Closed;
use crate::clock;
use crate::connection::Connection;
use crate::error::LoadError;
use crate::record::{Record, Report};

/// Runs the loop on all connections and reports them together.
pub async fn run(options: &Closed) -> Result<Report, LoadError> {
    let mut connections = Vec::new();
    for number in 0..options.connections {
        let mut connection = Connection::new(Arc::new(options.load.target(number)?));
        connection.open().await?;
        connections.push(connection);
    }
    let from = clock::nanoseconds() + clock::from_seconds(options.load.warmup);
    let to = from + clock::from_seconds(options.load.seconds);
    let workers: Vec<_> =
        connections.into_iter().map(|connection| tokio::spawn(worker(connection, from, to))).collect();
    let mut record = Record::default();
    for worker in workers {
        if let Ok(part) = worker.await {
            record.merge(part);
        }
    }
    Ok(record.report(to - from))
}

async fn worker(mut connection: Connection, from: u64, to: u64) -> Record {
    let mut record = Record::default();
    let mut start = clock::nanoseconds();
    while start < to {
        let mut chunks = 0;
        let delay = &mut record.delay;
        let result = connection
            .call(|written, read| {
                if (from..to).contains(&read) {
                    chunks += 1;
                    delay.add(read.saturating_sub(written));
                }
            })
            .await;
        record.chunks += chunks;
        match result {
            Ok(answer) if (from..to).contains(&answer.end) => {
                record.calls += 1;
                record.total.add(answer.end.saturating_sub(start));
                record.first.add(answer.first.saturating_sub(start));
            }
            Ok(_) => {}
            Err(text) => {
                record.error(text);
                // A target that refuses at once must not be asked a hundred thousand times a second.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        start = clock::nanoseconds();
    }
    record
}
