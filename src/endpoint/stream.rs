//! An answer that streams: the pod's bytes as they come, heartbeats while it is silent, and an error event where it
//! fails after the status line (agent-endpoints §7).
//!
//! Only whole events are passed on, so that what is ours always falls between two of the pod's.

use super::fault::{failed, internal, over};
use super::plain::{self, unheard};
use super::run::Run;
use crate::answer::{common, Answer};
use crate::request::Request;
use moltghost_durable::bindings::entry;
use moltghost_durable::bindings::exchange::{End, Event, Exchange, PodHead, Sink, Step};
use moltghost_durable::bindings::Failure;
use moltghost_protocol::endpoint::api::Api;
use moltghost_protocol::endpoint::flat_stream::FlatStream;
use moltghost_protocol::endpoint::pod_answer::Verdict;
use moltghost_protocol::endpoint::stream_facts::{Ending, StreamFacts};
use moltghost_protocol::endpoint::stream_scanner::StreamScanner;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::metrics::figures::Ending as How;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// Header lines of every stream.
const HEADERS: &str = "content-type: text/event-stream\ncache-control: no-store, no-cache, no-transform\n";

/// What is left to do once the answer is committed.
struct Pump {
    run: Run,
    exchange: Exchange,
    /// Shared with the step that JavaScript calls.
    shape: Rc<RefCell<Shape>>,
}

/// Waits for the pod, commits the answer and lets it flow.
pub async fn serve(request: &Request, run: Run, exchange: Exchange) -> Answer {
    let head = match exchange.next().await {
        Ok(Event::Head(head)) => Some(head),
        Ok(Event::Tick) => None,
        Ok(Event::Timeout) => {
            return run.failed(request, Some(unheard(&run)), over(&exchange));
        }
        Ok(Event::Gone) => {
            return run.abandoned(request);
        }
        Ok(_) => {
            return run.unanswered(request, &exchange);
        }
        Err(failure) => {
            return run.failed(request, None, internal(failure));
        }
    };
    if let Some(head) = &head {
        match plain::judge(&run, head) {
            Verdict::Stream => {}
            Verdict::ErrorBody => return plain::error(request, run, exchange, head).await,
            Verdict::Bad(problem) => return plain::bad(request, &run, exchange, problem),
            Verdict::Plain => return plain::bad(request, &run, exchange, not_a_stream()),
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
    let shape = match run.api {
        Api::Chat => Shape::Flat(FlatStream::new(run.id.message_id(), run.prompt)),
        Api::Responses => Shape::OpenAi(StreamScanner::of_response()),
        _ => Shape::OpenAi(StreamScanner::new(run.cuts_usage)),
    };
    let pump = Pump { run, exchange, shape: Rc::new(RefCell::new(shape)) };
    let headed = head.is_some();
    let request = request.clone();
    entry::after(&request.ctx.clone(), async move {
        let ended = pump.run(headed).await;
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
    /// The pod broke off, or gave no stream: the body of the error that tells the caller.
    Broken(String),
    /// Nobody reads any more.
    Gone,
}

impl Pump {
    /// Waits for the pod's head if it is not there: it may come after the first heartbeats. Then lets its body flow.
    async fn run(&self, headed: bool) -> Result<Ended, Failure> {
        if !headed {
            match self.exchange.next().await? {
                Event::Head(head) => match plain::judge(&self.run, &head) {
                    Verdict::Stream => {}
                    Verdict::Bad(problem) => return Ok(Ended::Broken(problem.body())),
                    Verdict::Plain => return Ok(Ended::Broken(not_a_stream().body())),
                    Verdict::ErrorBody => {
                        let error = plain::read_error(&self.run, &self.exchange, &head).await;
                        return Ok(Ended::Broken(error.map_or_else(|problem| problem.body(), |e| e.body)));
                    }
                },
                Event::Gone => return Ok(Ended::Gone),
                Event::Timeout => return Ok(Ended::Broken(over(&self.exchange).body())),
                Event::Failed | Event::Tick => return Ok(Ended::Broken(broke_off().body())),
            }
        }
        let shape = Rc::clone(&self.shape);
        let heard = self.run.hearing();
        let step = move |sink: &Sink<'_>, chunk: &[u8]| {
            heard.note();
            match shape.try_borrow_mut() {
                Ok(mut shape) => shape.pass(sink, chunk),
                Err(_) => Err(Failure("a stream was stepped while it was stepped".to_owned())),
            }
        };
        Ok(match self.exchange.flow(step, &self.run.error_event(&failed().body(), 0)).await? {
            End::Fed => Ended::Fed,
            End::LastWord => Ended::Done,
            End::Gone => Ended::Gone,
            End::Timeout => Ended::Broken(over(&self.exchange).body()),
            End::Failed => Ended::Broken(broke_off().body()),
        })
    }

    /// Writes what is left, settles, and ends the answer in order.
    async fn end(self, request: &Request, ended: Result<Ended, Failure>) {
        let (fed, error) = match &ended {
            Ok(Ended::Fed | Ended::Done) => (true, Some(broke_off().body())),
            Ok(Ended::Broken(error)) => (false, Some(error.clone())),
            Ok(Ended::Gone) => (false, None),
            Err(failure) => (false, Some(internal(failure.clone()).body())),
        };
        let (ending, facts) = {
            let mut shape = self.shape.borrow_mut();
            let ending = shape.finish(fed);
            (ending, *shape.facts())
        };
        let how = match &ended {
            Ok(Ended::Gone) => How::Cancelled,
            _ if ending.complete && !facts.error => How::Ok,
            _ => How::ServerError,
        };
        self.run.settle(request, Some(facts.usage_or_counted(self.run.prompt)), how);
        let Some(error) = error else { return self.exchange.close(false) };
        let _ = self.exchange.write(&ending.flush);
        if !ending.complete {
            let _ = self.exchange.write(self.run.error_event(&error, facts.next).as_bytes());
        }
        if matches!(ended, Ok(Ended::Done)) {
            self.exchange.leave().await;
        } else {
            self.exchange.finish(fed);
        }
    }
}

/// How the pod's events are passed on.
enum Shape {
    /// As they are.
    OpenAi(StreamScanner),
    /// As `/v1/chat` documents them.
    Flat(FlatStream),
}

impl Shape {
    /// Takes bytes of the pod, and writes what goes on if that is something else.
    fn pass(&mut self, sink: &Sink<'_>, chunk: &[u8]) -> Result<Step, Failure> {
        let (as_they_are, between_events) = match self {
            Self::OpenAi(scanner) => {
                let passage = scanner.push(chunk);
                let whole = passage.is_whole(chunk.len());
                if !whole {
                    sink.write(&passage.held)?;
                    passage.ranges().try_for_each(|part| sink.forward(&part))?;
                }
                (whole, scanner.between_events())
            }
            Self::Flat(flat) => {
                sink.write(&flat.push(chunk))?;
                (false, true)
            }
        };
        // Not between the two halves of a line end: the second belongs to the last word too.
        Ok(Step { as_they_are, between_events, last: self.facts().done && between_events })
    }

    fn facts(&self) -> &StreamFacts {
        match self {
            Self::OpenAi(scanner) => scanner.facts(),
            Self::Flat(flat) => flat.facts(),
        }
    }

    fn finish(&mut self, clean_end: bool) -> Ending {
        match self {
            Self::OpenAi(scanner) => scanner.finish(clean_end),
            Self::Flat(flat) => flat.finish(clean_end),
        }
    }
}

fn not_a_stream() -> Problem {
    Problem::new(Code::BadGateway, "The agent was asked to stream and answered with something else.")
}

fn broke_off() -> Problem {
    Problem::new(Code::BadGateway, "The agent's answer broke off before its end.")
}
