//! Prometheus' text format, version 0.0.4.
//!
//! Labels hold words of ours alone: states, endings, error codes and, where the operator wants them, ids of accounts
//! and agents. None of them needs escaping; what would is left out.

use super::figures::Figures;
use super::histogram::{Histogram, BOUNDS_MS};
use crate::object::account::{AgentFigures, Sums};
use std::fmt::Write;

/// Content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Most agents that get families of their own.
pub const MAX_AGENTS: usize = 1_000;

/// Numbers of single agents, where the operator wants them.
#[derive(Debug, Default)]
pub struct ByAgent {
    /// The account and the agent's numbers.
    pub agents: Vec<(String, AgentFigures)>,
    /// Whether there are more than [`MAX_AGENTS`].
    pub more: bool,
}

/// Writes the numbers of a deployment.
pub fn write(version: &str, sums: &Sums, by_agent: Option<&ByAgent>) -> String {
    let mut text = Text::default();
    text.family("build_info", "gauge", "Version of the access layer.");
    text.sample("build_info", &[("version", version)], 1);
    text.family("accounts", "gauge", "Accounts of the deployment.");
    text.sample("accounts", &[], sums.accounts);
    text.family("agents", "gauge", "Agents by state.");
    for (state, count) in &sums.agents {
        text.sample("agents", &[("state", state)], *count);
    }
    text.family(
        "edge_refused_total",
        "counter",
        "Requests refused before any object was asked, by error code.",
    );
    for (code, count) in &sums.edge {
        text.sample("edge_refused_total", &[("code", code)], *count);
    }
    let all = [(Vec::new(), &sums.figures)];
    text.counters("", &all);
    text.histogram("run_duration_seconds", "From admission to the last byte.", &sums.figures.latency);
    text.histogram(
        "time_to_first_token_seconds",
        "From admission to the first piece of a stream.",
        &sums.figures.first_token,
    );
    if let Some(by_agent) = by_agent {
        let labelled: Vec<_> = by_agent
            .agents
            .iter()
            .map(|(account, agent)| {
                (vec![("account", account.as_str()), ("agent", agent.agent.as_str())], &agent.figures)
            })
            .collect();
        text.counters("agent_", &labelled);
        text.family("agents_left_out", "gauge", "1 if there are more agents than are listed one by one.");
        text.sample("agents_left_out", &[], u64::from(by_agent.more));
    }
    text.0
}

#[derive(Default)]
struct Text(String);

type Labels<'a> = Vec<(&'a str, &'a str)>;

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP moltghost_{name} {help}\n# TYPE moltghost_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.labelled(name, labels);
        let _ = writeln!(self.0, " {value}");
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &str)]) {
        let _ = write!(self.0, "moltghost_{name}");
        let mut separator = '{';
        for (label, value) in labels {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            let value = if value.chars().all(plain) { value } else { "other" };
            let _ = write!(self.0, "{separator}{label}=\"{value}\"");
            separator = ',';
        }
        if separator == ',' {
            self.0.push('}');
        }
    }

    /// The families that deployment and agents have alike; all samples of a family stand together.
    fn counters(&mut self, prefix: &str, all: &[(Labels<'_>, &Figures)]) {
        let name = format!("{prefix}requests_total");
        self.family(&name, "counter", "Runs that were admitted.");
        for (labels, figures) in all {
            self.sample(&name, labels, figures.requests);
        }
        let name = format!("{prefix}refused_total");
        self.family(&name, "counter", "Calls that agents refused, by error code.");
        for (labels, figures) in all {
            for (code, count) in &figures.refused {
                self.sample(&name, &with(labels, ("code", code)), *count);
            }
        }
        let name = format!("{prefix}runs_total");
        self.family(&name, "counter", "Runs that ended, by how.");
        for (labels, figures) in all {
            let endings = figures.endings;
            for (ending, count) in [
                ("ok", endings.ok),
                ("client_error", endings.client_error),
                ("server_error", endings.server_error),
                ("cancelled", endings.cancelled),
                ("lost", endings.lost),
            ] {
                self.sample(&name, &with(labels, ("ending", ending)), count);
            }
        }
        let name = format!("{prefix}tokens_total");
        self.family(&name, "counter", "Tokens of prompts and answers.");
        for (labels, figures) in all {
            self.sample(&name, &with(labels, ("kind", "prompt")), figures.prompt_tokens);
            self.sample(&name, &with(labels, ("kind", "completion")), figures.completion_tokens);
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut count = 0_u64;
        for (bound, more) in BOUNDS_MS.iter().zip(&histogram.counts) {
            count = count.saturating_add(*more);
            self.sample(&bucket, &[("le", &seconds(*bound))], count);
        }
        // The one label value that is not plain.
        let _ = writeln!(self.0, "moltghost_{bucket}{{le=\"+Inf\"}} {}", histogram.count());
        self.labelled(&format!("{name}_sum"), &[]);
        let _ = writeln!(self.0, " {}", seconds(histogram.sum_ms));
        self.sample(&format!("{name}_count"), &[], histogram.count());
    }
}

fn with<'a>(labels: &[(&'a str, &'a str)], more: (&'a str, &'a str)) -> Labels<'a> {
    labels.iter().copied().chain([more]).collect()
}

/// Milliseconds as seconds, without trailing zeros.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AgentId;
    use crate::metrics::figures::Ending;

    fn sums() -> Sums {
        let mut sums = Sums { accounts: 2, ..Sums::default() };
        sums.agents.insert("running".into(), 3);
        sums.figures.admitted(1);
        sums.figures.refused("rate_limited");
        sums.figures.refused("odd\"code");
        sums.figures.ended(Ending::Ok, Some(70), None);
        sums.figures.ended(Ending::Ok, Some(400_000), Some(10));
        sums
    }

    #[test]
    fn every_sample_belongs_to_a_family_that_was_told_before_it_once() {
        let agent = AgentFigures { agent: AgentId::mint(1), figures: sums().figures };
        let by_agent = ByAgent { agents: vec![("acme".into(), agent)], more: true };
        let text = write("0.1.0", &sums(), Some(&by_agent));
        let mut families = Vec::new();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let name = family.split(' ').next().unwrap().to_owned();
                assert!(!families.contains(&name), "{name} comes twice");
                families.push(name);
            } else if !line.starts_with('#') {
                assert!(line.starts_with(families.last().unwrap().as_str()), "{line}");
                let (labelled, value) = line.rsplit_once(' ').unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert_eq!(labelled.contains('{'), labelled.ends_with('}'), "{line}");
            }
        }
        assert!(text.ends_with('\n'));
        assert!(text.contains("moltghost_refused_total{code=\"other\"} 1\n"));
        assert!(text.contains("moltghost_agent_requests_total{account=\"acme\",agent="));
        assert!(text.contains("moltghost_agents_left_out 1\n"));
    }

    #[test]
    fn histograms_are_cumulative_and_in_seconds() {
        let text = write("0.1.0", &sums(), None);
        for line in [
            "moltghost_run_duration_seconds_bucket{le=\"0.05\"} 0",
            "moltghost_run_duration_seconds_bucket{le=\"0.1\"} 1",
            "moltghost_run_duration_seconds_bucket{le=\"300\"} 1",
            "moltghost_run_duration_seconds_bucket{le=\"+Inf\"} 2",
            "moltghost_run_duration_seconds_sum 400.07",
            "moltghost_run_duration_seconds_count 2",
            "moltghost_agents{state=\"running\"} 3",
            "moltghost_accounts 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("account="), "no ids unless they are asked for");
    }
}
