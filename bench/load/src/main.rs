//! Load generator and upstream of the benchmarks, in one native program.
//!
//! `upstream` is the fake pod behind every program that is measured; `closed`, `open` and `paced` are the three
//! ways of asking it. Each load command prints one JSON object on standard output and nothing else there.
//! `bench/run.ts` is the usual caller; every command also works by hand (see `--help`).

mod arguments;
mod clock;
mod closed;
mod connection;
mod error;
mod open;
mod paced;
mod pacer;
mod prompt;
mod record;
mod stamp;
mod target;
mod upstream;

use std::process::ExitCode;

use arguments::{Command, HELP};
use error::LoadError;

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("moltghost-bench-load: {error}");
            if matches!(error, LoadError::Usage(_)) {
                eprintln!("Try `moltghost-bench-load --help`.");
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), LoadError> {
    match command {
        Command::Help => {
            println!("{HELP}");
            Ok(())
        }
        Command::Upstream(options) => runtime(options.threads)?.block_on(upstream::serve(&options)),
        Command::Closed(options) => report(&runtime(options.load.threads)?.block_on(closed::run(&options))?),
        Command::Open(options) => report(&runtime(options.load.threads)?.block_on(open::run(&options))?),
        Command::Paced(options) => report(&runtime(options.load.threads)?.block_on(paced::run(&options))?),
    }
}

/// One thread is the default: on a small machine a second one only takes time from what is measured.
fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, LoadError> {
    let mut builder = if threads > 1 {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    Ok(builder.enable_all().build()?)
}

fn report(report: &record::Report) -> Result<(), LoadError> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}
