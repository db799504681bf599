//! An answer that streams: the pod's bytes as they come, heartbeats while it is silent, and an error event where it
//! fails after the status line (agent-endpoints §7).
//!
//! Only whole events are passed on, so that what is ours always falls between two of the pod's.

use super::call::{internal, timeout, Run};
use super::plain::{self, unheard};
use crate::answer::{common, Answer};
use crate::request::Request;
use moltghost_durable::bindings::entry;
use moltghost_durable::bindings::exchange::{Event, Exchange, PodHead};
use moltghost_durable::bindings::Failure;
use moltghost_protocol::endpoint::flat_stream::FlatStream;
use moltghost_protocol::endpoint::pod_answer::{self, Verdict};
use moltghost_protocol::endpoint::stream_facts::StreamFacts;
use moltghost_protocol::endpoint::stream_scanner::StreamScanner;
use moltghost_protocol::error::{Code, Problem};
use wasm_bindgen::JsValue;

/// A comment, which every client skips. Two line ends: a client that keeps to the letter dispatches nothing for it.
const HEARTBEAT: &[u8] = b": ka\n\n";

/// Header lines of every stream.
const HEADERS: &str = "content-type: text/event-stream\ncache-control: no-store, no-cache, no-transform\n";

/// How the pod's events are passed on.
enum Shape {
    /// As they are.
    OpenAi(StreamScanner),
    /// As `/v1/chat` documents them.
    Flat(FlatStream),
}

/// What is left to do once the answer is committed.
struct Pump {
    run: Run,
    exchange: Exchange,
    shape: Shape,
    /// Whether the pod's head is there: it may come after the first heartbeats.
    headed: bool,
}

/// Waits for the pod, commits the answer and lets it flow.
pub async fn serve(request: &Request, run: Run, exchange: Exchange) -> Answer {
    let head = match exchange.next().await {
        Ok(Event::Head(head)) => Some(head),
        Ok(Event::Tick) => None,
        Ok(Event::Timeout) => {
            run.settle(request, Some(unheard(&run)));
            return run.refused(timeout());
        }
        Ok(Event::Gone) => {
            run.settle(request, Some(unheard(&run)));
            return run.refused(plain::gone());
        }
        Ok(_) => {
            run.settle(request, None);
            return run.refused(plain::unreachable());
        }
        Err(failure) => {
            run.settle(request, None);
            return run.refused(internal(failure));
        }
    };
    if let Some(head) = &head {
        match pod_answer::judge(head.status, head.header("content-type"), true) {
            Verdict::Stream => {}
            Verdict::ErrorBody => return plain::error(request, run, exchange, head).await,
            Verdict::Bad(problem) => {
                exchange.close(false);
                run.settle(request, Some(unheard(&run)));
                return run.refused(problem);
            }
            Verdict::Plain => {
                exchange.close(false);
                run.settle(request, Some(unheard(&run)));
                return run.refused(not_a_stream());
            }
        }
    }
    match commit(request, run, exchange, head.as_ref()) {
        Ok(response) => Answer::ready(response),
        Err(failure) => Answer::from(internal(failure)),
    }
}

/// Opens the response and starts the pump, which outlives the handler.
fn commit(
    request: &Request,
    run: Run,
    exchange: Exchange,
    head: Option<&PodHead>,
) -> Result<JsValue, Failure> {
    let from_pod = head.map(plain::openai_lines).unwrap_or_default();
    let common = common(&request.id, request.host());
    let response = exchange.open(200, &format!("{HEADERS}{from_pod}{}{common}", run.lines))?;
    let shape = if run.flat {
        Shape::Flat(FlatStream::new(run.id.message_id(), run.prompt))
    } else {
        Shape::OpenAi(StreamScanner::new(run.cuts_usage))
    };
    let mut pump = Pump { run, exchange, shape, headed: head.is_some() };
    let request = request.clone();
    entry::after(&request.ctx.clone(), async move {
        let result = if pump.headed { Ok(()) } else { pump.exchange.write(HEARTBEAT) };
        let ended = match result {
            Ok(()) => pump.flow().await,
            Err(failure) => Err(failure),
        };
        pump.end(&request, ended).await;
    })?;
    Ok(response)
}

/// How a stream ended.
enum Ended {
    /// The pod gave all it had.
    Fed,
    /// The pod said that it is done, whether or not it ends its answer.
    Done,
    /// The pod broke off, or gave no stream: the event that tells the caller.
    Broken(String),
    /// Nobody reads any more.
    Gone,
}

impl Pump {
    async fn flow(&mut self) -> Result<Ended, Failure> {
        loop {
            match self.exchange.next().await? {
                Event::Chunk(chunk) if self.headed => {
                    self.pass(&chunk)?;
                    // Not between the two halves of a line end: the second belongs to the last word too.
                    if self.facts().done && self.between_events() {
                        return Ok(Ended::Done);
                    }
                    self.exchange.more()?;
                }
                Event::Head(head) => {
                    match pod_answer::judge(head.status, head.header("content-type"), true) {
                        Verdict::Stream => self.headed = true,
                        Verdict::Bad(problem) => return Ok(Ended::Broken(problem.event())),
                        Verdict::Plain => return Ok(Ended::Broken(not_a_stream().event())),
                        Verdict::ErrorBody => {
                            return Ok(Ended::Broken(plain::read_error(&self.exchange, &head).await.event()));
                        }
                    }
                }
                Event::Tick => {
                    if self.between_events() {
                        self.exchange.write(HEARTBEAT)?;
                    }
                }
                Event::End => return Ok(Ended::Fed),
                Event::Gone => return Ok(Ended::Gone),
                Event::Timeout => return Ok(Ended::Broken(timeout().event())),
                Event::Failed | Event::Chunk(_) => return Ok(Ended::Broken(broke_off().event())),
            }
        }
    }

    fn pass(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        match &mut self.shape {
            Shape::OpenAi(scanner) => {
                let passage = scanner.push(chunk);
                self.exchange.write(&passage.held)?;
                let mut parts = passage.ranges();
                parts.try_for_each(|part| self.exchange.forward(&part))
            }
            Shape::Flat(flat) => {
                let bytes = flat.push(chunk);
                self.exchange.write(&bytes)
            }
        }
    }

    fn between_events(&self) -> bool {
        match &self.shape {
            Shape::OpenAi(scanner) => scanner.between_events(),
            Shape::Flat(_) => true,
        }
    }

    /// Writes what is left, settles, and ends the answer in order.
    async fn end(mut self, request: &Request, ended: Result<Ended, Failure>) {
        let (fed, event) = match &ended {
            Ok(Ended::Fed | Ended::Done) => (true, Some(broke_off().event())),
            Ok(Ended::Broken(event)) => (false, Some(event.clone())),
            Ok(Ended::Gone) => (false, None),
            Err(failure) => (false, Some(internal(failure.clone()).event())),
        };
        let ending = match &mut self.shape {
            Shape::OpenAi(scanner) => scanner.finish(fed),
            Shape::Flat(flat) => flat.finish(fed),
        };
        self.run.settle(request, Some(self.facts().usage_or_counted(self.run.prompt)));
        let Some(event) = event else { return self.exchange.close(false) };
        let _ = self.exchange.write(&ending.flush);
        if !ending.complete {
            let _ = self.exchange.write(event.as_bytes());
        }
        if matches!(ended, Ok(Ended::Done)) {
            self.exchange.leave().await;
        } else {
            self.exchange.finish(fed);
        }
    }

    fn facts(&self) -> &StreamFacts {
        match &self.shape {
            Shape::OpenAi(scanner) => scanner.facts(),
            Shape::Flat(flat) => flat.facts(),
        }
    }
}

fn not_a_stream() -> Problem {
    Problem::new(Code::BadGateway, "The agent was asked to stream and answered with something else.")
}

fn broke_off() -> Problem {
    Problem::new(Code::BadGateway, "The agent's answer broke off before its end.")
}
