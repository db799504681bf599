//! `moltghost`: the command line of the access layer, and the connector that runs beside a pod.
//!
//! Invariant: what was asked for stands on stdout, everything else on stderr; the exit code says how it went
//! (docs/cli.md); no credential is ever an argument that must be given, nor part of an address, a log line or an error.

#![forbid(unsafe_code)]

mod api;
mod args;
mod command;
mod connect;
mod dial;
mod failure;
mod hidden;
mod output;
mod secret_header;
mod settings;

use args::Cli;
use clap::Parser;
use failure::{Failure, Kind};
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unreadable(&error),
    };
    let output = Output { json: cli.json, quiet: cli.quiet };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(command::run(cli.command, output));
            // What still resolves a name is not waited for.
            runtime.shutdown_background();
            hidden::restore();
            done
        }
        Err(error) => Err(Failure::from(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure, output);
            ExitCode::from(failure.kind as u8)
        }
    }
}

/// A command line that cannot be read, or that asks for help: in clap's words, as JSON if that is asked for.
fn unreadable(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !std::env::args().any(|argument| argument == "--json") {
        error.exit();
    }
    let text = error.to_string();
    // The first paragraph says what is wrong, the second how the command is written.
    let (what, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let what = what.strip_prefix("error: ").unwrap_or(what).replace('\n', " ");
    let usage = rest.split("\n\n").find(|part| part.starts_with("Usage: ")).map(str::trim);
    let mut failure = Failure::new(Kind::Usage, what);
    failure.next = usage.map(str::to_owned);
    report(&failure, Output { json: true, quiet: true });
    ExitCode::from(Kind::Usage as u8)
}

/// Says what went wrong on stderr, as JSON with `--json`. An empty message has been said already.
fn report(failure: &Failure, output: Output) {
    use std::io::Write;
    let mut err = std::io::stderr().lock();
    if failure.message.is_empty() {
        return;
    }
    // If stderr is closed there is nobody to tell.
    if output.json {
        let _ = writeln!(err, "{}", failure.to_json());
        return;
    }
    let _ = writeln!(err, "{} {failure}", if failure.kind == Kind::Interrupted { "·" } else { "✗" });
    if let Some(next) = &failure.next {
        let _ = writeln!(err, "  {next}");
    }
}
