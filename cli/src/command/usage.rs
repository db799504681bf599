//! `usage`: what agents used, by day or all together.

use crate::api::{agent_path, Call};
use crate::args::Usage;
use crate::command::{all, control, query};
use crate::failure::Failure;
use crate::output::{cell, table, Output};
use serde_json::{json, Value};

const FIGURES: [&str; 4] = ["requests", "prompt_tokens", "completion_tokens", "total_tokens"];

/// `usage`.
pub async fn usage(args: Usage, output: Output) -> Result<(), Failure> {
    let api = control()?;
    let range = query(&[("from", args.from.as_deref()), ("to", args.to.as_deref())]);
    if let Some(name) = &args.name {
        let usage = api.ask(Call::get(format!("{}/usage{range}", agent_path(name)))).await?;
        if output.json {
            return output.document(&usage);
        }
        let days = rows(&usage, "data");
        if days.is_empty() {
            output.say(&format!("· no calls from {} to {}", cell(&usage, "from"), cell(&usage, "to")));
            return Ok(());
        }
        let row = |day: &Value| {
            let mut cells = vec![cell(day, "day")];
            cells.extend(FIGURES.iter().map(|figure| cell(day, figure)));
            cells.push(cell(day, "source"));
            cells
        };
        let rows: Vec<_> = days.iter().map(row).collect();
        return output
            .line(&table(&["DAY", "REQUESTS", "PROMPT", "COMPLETION", "TOTAL", "TOKENS ARE"], &rows));
    }
    let agents =
        all(&api, &format!("/api/v1/agents{}", query(&[("account", args.account.as_deref())]))).await?;
    let mut lines = Vec::with_capacity(agents.len());
    let mut documents = Vec::with_capacity(agents.len());
    for agent in &agents {
        let usage = api.ask(Call::get(format!("{}/usage{range}", agent_path(&cell(agent, "id"))))).await?;
        let mut cells = vec![cell(agent, "name"), cell(agent, "id")];
        cells.extend(FIGURES.iter().map(|figure| sum(&usage, figure).to_string()));
        lines.push(cells);
        documents.push(usage);
    }
    if output.json {
        return output.document(&json!({ "data": documents }));
    }
    output.line(&table(&["NAME", "ID", "REQUESTS", "PROMPT", "COMPLETION", "TOTAL"], &lines))
}

fn rows(usage: &Value, member: &str) -> Vec<Value> {
    usage.get(member).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn sum(usage: &Value, figure: &str) -> u64 {
    rows(usage, "data").iter().filter_map(|day| day.get(figure).and_then(Value::as_u64)).sum()
}
