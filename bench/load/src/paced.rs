//! Many streams at once, each at the pace of a model that writes.
//!
//! The streams begin spread over half a second, and only chunks written while all of them run count. The delay of
//! a chunk is the time from the upstream's write to our read.

use std::sync::Arc;
use std::time::Duration;

use crate::arguments::Paced;
use crate::clock;
use crate::connection::Connection;
use crate::error::LoadError;
use crate::record::{Record, Report};

/// Over which the beginnings of the streams are spread.
const SPREAD: u64 = 500_000_000;

/// Runs all streams to their end and reports them together.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub async fn run(options: &Paced) -> Result<Report, LoadError> {
    let seconds = clock::to_seconds(SPREAD) + options.load.warmup + options.load.seconds;
    let mut load = options.load.clone();
    load.prompt.chunks = (seconds * options.rate).ceil() as u32 + 1;
    load.prompt.interval_us = (1e6 / options.rate) as u64;
    load.stream = true;
    let target = Arc::new(load.target(0)?);
    let mut connections = Vec::new();
    for _ in 0..options.streams {
        let mut connection = Connection::new(Arc::clone(&target));
        connection.open().await?;
        connections.push(connection);
    }
    let begin = clock::nanoseconds();
    let from = begin + SPREAD + clock::from_seconds(options.load.warmup);
    let to = from + clock::from_seconds(options.load.seconds);
    let step = SPREAD / options.streams.max(1) as u64;
    let streams: Vec<_> = connections
        .into_iter()
        .zip(0_u64..)
        .map(|(connection, number)| tokio::spawn(stream(connection, number * step, from, to)))
        .collect();
    let mut record = Record::default();
    for stream in streams {
        if let Ok(part) = stream.await {
            record.merge(part);
        }
    }
    Ok(record.report(to - from))
}

async fn stream(mut connection: Connection, after: u64, from: u64, to: u64) -> Record {
    tokio::time::sleep(Duration::from_nanos(after)).await;
    let mut record = Record::default();
    let start = clock::nanoseconds();
    let mut chunks = 0;
    let delay = &mut record.delay;
    let result = connection
        .call(|written, read| {
            if (from..to).contains(&written) {
                chunks += 1;
                delay.add(read.saturating_sub(written));
            }
        })
        .await;
    record.chunks = chunks;
    match result {
        Ok(answer) => {
            record.calls = 1;
            record.first.add(answer.first.saturating_sub(start));
            record.total.add(answer.end.saturating_sub(start));
        }
        Err(text) => record.error(text),
    }
    record
}
