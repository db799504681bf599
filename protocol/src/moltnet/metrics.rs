//! The network's metrics, in Prometheus' text form: requests by route and status, and how long they took.

use crate::object::hub::Figures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Upper bounds of the histogram's buckets, in milliseconds and as they are written in seconds.
const BUCKETS: [(u32, &str); 11] = [
    (5, "0.005"),
    (10, "0.01"),
    (25, "0.025"),
    (50, "0.05"),
    (100, "0.1"),
    (250, "0.25"),
    (500, "0.5"),
    (1_000, "1"),
    (2_500, "2.5"),
    (5_000, "5"),
    (10_000, "10"),
];

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample(
    /// Its method.
    pub String,
    /// Its route: method and pattern, or `unmatched`.
    pub String,
    /// The status of the answer.
    pub u16,
    /// How long it took, in milliseconds.
    pub u32,
);

/// What was counted.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: BTreeMap<(String, String, u16), u64>,
    durations: BTreeMap<(String, String), Duration>,
}

#[derive(Debug, Default)]
struct Duration {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: u64,
}

impl Metrics {
    /// Counts a request.
    pub fn count(&mut self, sample: Sample) {
        let Sample(method, route, status, ms) = sample;
        let duration = self.durations.entry((method.clone(), route.clone())).or_default();
        for (bucket, (bound, _)) in duration.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(ms <= bound);
        }
        duration.count += 1;
        duration.sum += u64::from(ms);
        *self.requests.entry((method, route, status)).or_default() += 1;
    }

    /// The text.
    pub fn write(&self) -> String {
        let mut text = String::new();
        family(&mut text, "moltnet_http_requests_total", "counter", "Requests that were answered.");
        for ((method, route, status), count) in &self.requests {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            let _ = writeln!(text, "moltnet_http_requests_total{{{labels}}} {count}");
        }
        let name = "moltnet_http_request_duration_seconds";
        family(&mut text, name, "histogram", "How long requests took.");
        for ((method, route), duration) in &self.durations {
            let labels = format!("method=\"{method}\",route=\"{route}\"");
            for (count, (_, bound)) in duration.buckets.iter().zip(BUCKETS) {
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", duration.count);
            let (seconds, ms) = (duration.sum / 1_000, duration.sum % 1_000);
            let _ = writeln!(text, "{name}_sum{{{labels}}} {seconds}.{ms:03}");
            let _ = writeln!(text, "{name}_count{{{labels}}} {}", duration.count);
        }
        for (name, kind, help, value) in [
            ("moltnet_relay_total", "counter", "Messages relayed to paired networks.", ""),
            ("moltnet_store_health", "gauge", "Whether the store works.", "1"),
        ] {
            family(&mut text, name, kind, help);
            if !value.is_empty() {
                let _ = writeln!(text, "{name} {value}");
            }
        }
        text
    }
}

/// The text of what the hub counts. Nothing is ever dropped: who is slow reads on from the log.
pub fn live(figures: &Figures) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("moltnet_active_attachments", "gauge", "Agents that are attached.", figures.attachments),
        ("moltnet_active_sse_subscribers", "gauge", "Observers of the event stream.", figures.observers),
        ("moltnet_events_dropped_total", "counter", "Events that a subscriber was not sent.", 0),
    ] {
        family(&mut text, name, kind, help);
        let _ = writeln!(text, "{name} {value}");
    }
    text
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_status_and_put_into_buckets() {
        let mut metrics = Metrics::default();
        for (status, ms) in [(200, 5), (200, 6), (404, 20_000)] {
            metrics.count(Sample("GET".into(), "GET /v1/rooms".into(), status, ms));
        }
        let text = metrics.write();
        for line in [
            "moltnet_http_requests_total{method=\"GET\",route=\"GET /v1/rooms\",status=\"200\"} 2",
            "moltnet_http_request_duration_seconds_bucket{method=\"GET\",route=\"GET /v1/rooms\",le=\"0.005\"} 1",
            "moltnet_http_request_duration_seconds_bucket{method=\"GET\",route=\"GET /v1/rooms\",le=\"10\"} 2",
            "moltnet_http_request_duration_seconds_bucket{method=\"GET\",route=\"GET /v1/rooms\",le=\"+Inf\"} 3",
            "moltnet_http_request_duration_seconds_sum{method=\"GET\",route=\"GET /v1/rooms\"} 20.011",
            "# TYPE moltnet_relay_total counter",
            "moltnet_store_health 1",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
    }
}
