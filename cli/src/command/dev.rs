//! `dev`: a deployment on this machine in front of a server of the user's own: all that `make run` brings up, with that
//! server in the place of the demo pod.
//!
//! Invariant: what is started here is told to end when this is, and waited for.

use crate::args::Dev;
use crate::connect::pod::{Found, Pod};
use crate::connect::signal;
use crate::failure::{Failure, Kind};
use crate::output::Output;
use crate::secret_header::SecretHeader;
use std::path::{Path, PathBuf};
use tokio::process::{Child, Command};

/// `dev`.
///
/// # Errors
/// The server does not answer, there is no checkout to run, or what runs there failed.
pub async fn dev(args: Dev, output: Output) -> Result<(), Failure> {
    let secrets =
        args.headers.iter().map(|given| SecretHeader::read(given)).collect::<Result<Vec<_>, _>>()?;
    let pod = Pod::new(&args.to, &secrets)?;
    let checkout = checkout(args.checkout.as_deref())?;
    // First, since the rest may take minutes.
    let found = pod.probe().await.map_err(|why| {
        Failure::new(Kind::Unreachable, format!("{} does not answer: {why}.", pod.base()))
            .next("Start your server, then run this again.")
    })?;
    output.say(&format!("· {}", found.describe(pod.base())));
    if found == (Found { models: None, tools: None }) {
        output.say("· it has no /v1/models: is it a server that speaks OpenAI's API?");
    }
    let mut run = Command::new(checkout.join("scripts/run"));
    run.args(["--to", &args.to, "--agent", &args.name]);
    for header in &args.headers {
        run.args(["--header", header]);
    }
    if output.json {
        run.arg("--json");
    }
    if let Some(port) = args.port {
        run.env("PORT", port.to_string());
    }
    run.env("MOLTGHOST_BIN", std::env::current_exe()?);
    let mut child = run.stdin(std::process::Stdio::null()).spawn().map_err(|error| {
        Failure::new(
            Kind::Other,
            format!("{} cannot be run: {error}.", checkout.join("scripts/run").display()),
        )
    })?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            // Ctrl-C has reached it already, and twice does no harm.
            signalled = signal() => {
                signalled?;
                end(&child);
            }
        }
    };
    match status.code() {
        Some(0) => Ok(()),
        Some(130) => Err(Failure::new(Kind::Interrupted, "Interrupted; nothing is left running.")),
        // It has said why.
        _ => Err(Failure::new(Kind::Other, "")),
    }
}

#[cfg(unix)]
fn end(child: &Child) {
    use rustix::process::{kill_process, Pid, Signal};
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may just have ended by itself.
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn end(_: &Child) {}

/// The checkout that is named, else the one around this folder or this program.
fn checkout(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(folder) = named {
        return if is_checkout(folder) {
            Ok(std::fs::canonicalize(folder)?)
        } else {
            Err(Failure::new(Kind::NotFound, format!("{} is no checkout of MoltGhost.", folder.display()))
                .next("It is the folder that has scripts/run and wrangler.toml."))
        };
    }
    let places = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let found =
        places.iter().flatten().find_map(|place| place.ancestors().find(|folder| is_checkout(folder)));
    found.map(Path::to_path_buf).ok_or_else(|| {
        Failure::new(Kind::NotFound, "This is no checkout of MoltGhost, and dev runs the Worker of one.")
            .next("Run it in one, or name it with --checkout FOLDER or MOLTGHOST_CHECKOUT.")
    })
}

fn is_checkout(folder: &Path) -> bool {
    folder.join("scripts/run").is_file() && folder.join("wrangler.toml").is_file()
}
