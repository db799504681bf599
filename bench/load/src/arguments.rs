//! The command line.

use std::ffi::OsString;

use lexopt::prelude::{Long, Short, Value};

use crate::error::LoadError;
use crate::prompt::Prompt;
use crate::target::Target;

/// What `--help` prints.
pub const HELP: &str = "\
moltghost-bench-load: the load generator and the upstream of the benchmarks

  upstream   a fake pod on a loopback port, printed as {\"port\":n}
  closed     each connection calls again as soon as it was answered
  open       calls are due at a fixed rate; times count from when a call was due
  paced      many streams at once, each at the pace of a writing model

Every command:
  --threads N          worker threads (1)
upstream:
  --port N             (0: any free one)
  --exit-with-stdin    end when standard input ends
closed, open, paced:
  --url URL            the whole address of a chat completions endpoint; only http://
  --header 'NAME: V'   any number of times
  --model NAME         (bench-model)
  --body JSON          send this instead of a chat call; {connection} in it is the connection's number, from 0
  --seconds S          how long to measure (2)
  --warmup S           how long to call before that (0.3)
closed, open:
  --connections N      (16)
  --stream             ask for a stream instead of a plain answer
  --chunks N           chunks of text in a stream (16)
  --interval-us N      time between two chunks (0)
  --first-us N         time before the answer or the first chunk (0)
open:
  --rate N             calls per second, of all connections together
paced:
  --streams N          (64)
  --rate N             chunks per second of each stream (60)

The report is one JSON object; its times are microseconds.
";

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Print the help text.
    Help,
    /// Be the upstream.
    Upstream(Upstream),
    /// See `closed`.
    Closed(Closed),
    /// See `open`.
    Open(Open),
    /// See `paced`.
    Paced(Paced),
}

/// Options of `upstream`.
#[derive(Debug)]
pub struct Upstream {
    /// Port to listen on; 0 for a free one.
    pub port: u16,
    /// Worker threads.
    pub threads: usize,
    /// End when standard input ends.
    pub exit_with_stdin: bool,
}

/// Options that all load commands share.
#[derive(Clone, Debug)]
pub struct Load {
    url: String,
    headers: Vec<String>,
    model: String,
    body: Option<String>,
    /// What the upstream is to do.
    pub prompt: Prompt,
    /// Ask for a stream.
    pub stream: bool,
    /// How long to measure.
    pub seconds: f64,
    /// How long to call before that.
    pub warmup: f64,
    /// Worker threads.
    pub threads: usize,
}

impl Load {
    /// What these options attack on a connection.
    pub fn target(&self, connection: usize) -> Result<Target, LoadError> {
        let target = Target::new(&self.url, &self.headers, &self.model, self.stream, self.prompt)?;
        Ok(match &self.body {
            None => target,
            Some(body) => target.with_body(body.replace("{connection}", &connection.to_string())),
        })
    }
}

/// Options of `closed`.
#[derive(Debug)]
pub struct Closed {
    /// What to call, and for how long.
    pub load: Load,
    /// Connections, each with one call at a time.
    pub connections: usize,
}

/// Options of `open`.
#[derive(Debug)]
pub struct Open {
    /// What to call, and for how long.
    pub load: Load,
    /// Connections, each with one call at a time.
    pub connections: usize,
    /// Calls per second.
    pub rate: f64,
}

/// Options of `paced`.
#[derive(Debug)]
pub struct Paced {
    /// What to call, and for how long.
    pub load: Load,
    /// Streams at the same time.
    pub streams: usize,
    /// Chunks per second of each.
    pub rate: f64,
}

/// Everything that can stand on the line, with its defaults.
struct Line {
    load: Load,
    port: u16,
    connections: usize,
    streams: usize,
    rate: Option<f64>,
    exit_with_stdin: bool,
}

/// Reads the command line.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, LoadError> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut command = None;
    let mut line = Line {
        load: Load {
            url: String::new(),
            headers: Vec::new(),
            model: "bench-model".into(),
            body: None,
            prompt: Prompt::default(),
            stream: false,
            seconds: 2.0,
            warmup: 0.3,
            threads: 1,
        },
        port: 0,
        connections: 16,
        streams: 64,
        rate: None,
        exit_with_stdin: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Value(value) if command.is_none() => command = Some(value.to_string_lossy().into_owned()),
            Long(name) => {
                let name = name.to_owned();
                line.set(&name, &mut parser)?;
            }
            other => return Err(other.unexpected().into()),
        }
    }
    line.command(command.as_deref())
}

impl Line {
    fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), LoadError> {
        let load = &mut self.load;
        match name {
            "stream" => load.stream = true,
            "exit-with-stdin" => self.exit_with_stdin = true,
            "url" => load.url = text(parser)?,
            "header" => load.headers.push(text(parser)?),
            "model" => load.model = text(parser)?,
            "body" => load.body = Some(text(parser)?),
            "seconds" => load.seconds = number(name, parser)?,
            "warmup" => load.warmup = number(name, parser)?,
            "threads" => load.threads = number(name, parser)?,
            "chunks" => load.prompt.chunks = number(name, parser)?,
            "interval-us" => load.prompt.interval_us = number(name, parser)?,
            "first-us" => load.prompt.first_us = number(name, parser)?,
            "port" => self.port = number(name, parser)?,
            "connections" => self.connections = number(name, parser)?,
            "streams" => self.streams = number(name, parser)?,
            "rate" => self.rate = Some(number(name, parser)?),
            _ => return Err(LoadError::Usage(format!("unknown option --{name}"))),
        }
        Ok(())
    }

    fn command(self, command: Option<&str>) -> Result<Command, LoadError> {
        let Self { load, port, connections, streams, rate, exit_with_stdin } = self;
        if rate.is_some_and(|rate| rate.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater)) {
            return Err(LoadError::Usage("--rate must be above 0".into()));
        }
        match command {
            Some("upstream") => {
                Ok(Command::Upstream(Upstream { port, threads: load.threads, exit_with_stdin }))
            }
            Some("closed" | "open" | "paced") if load.url.is_empty() => {
                Err(LoadError::Usage("--url is missing".into()))
            }
            Some("closed") => Ok(Command::Closed(Closed { load, connections })),
            Some("open") => {
                let rate = rate.ok_or_else(|| LoadError::Usage("open needs --rate".into()))?;
                Ok(Command::Open(Open { load, connections, rate }))
            }
            Some("paced") => Ok(Command::Paced(Paced { load, streams, rate: rate.unwrap_or(60.0) })),
            Some(other) => Err(LoadError::Usage(format!("unknown command {other}"))),
            None => Ok(Command::Help),
        }
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, LoadError> {
    Ok(parser.value()?.to_string_lossy().into_owned())
}

fn number<T: std::str::FromStr>(name: &str, parser: &mut lexopt::Parser) -> Result<T, LoadError> {
    let value = text(parser)?;
    value.parse().map_err(|_| LoadError::Usage(format!("--{name}: not a number: {value}")))
}
