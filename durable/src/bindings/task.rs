//! Tasks, and how they wait for JavaScript's promises.
//!
//! A promise that settles polls the task that waits for it in the very turn that settled it: one crossing each way, no
//! closure made for it, no microtask of its own. What wasm-bindgen has for this makes two closures for each promise and
//! asks the runtime for a microtask for each step, which together cost more than most of what a step does.
//!
//! Invariant: no task is polled inside another or itself; what is woken while one runs is polled after it. If the
//! instance traps, its tasks are gone with it, and whoever they would have answered is answered by the deadline of the
//! entry. Promises that settle later find nobody: their numbers come from JavaScript and are never given twice.

use super::glue;
use js_sys::Promise;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::JsValue;

type Work = Pin<Box<dyn Future<Output = ()>>>;

/// Takes the number of a promise, whether it was kept, and what with.
type Tell = Closure<dyn Fn(u32, bool, JsValue)>;

/// A task that is not being polled.
struct Task {
    number: u32,
    work: Work,
    waker: Waker,
}

/// What is known of a promise that somebody waits for.
enum State {
    Waiting(Option<Waker>),
    Settled(Result<JsValue, JsValue>),
}

thread_local! {
    static TASKS: RefCell<Vec<Task>> = const { RefCell::new(Vec::new()) };
    /// Tasks that have been woken, in order.
    static WOKEN: RefCell<VecDeque<u32>> = const { RefCell::new(VecDeque::new()) };
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static LAST: Cell<u32> = const { Cell::new(0) };
    static PROMISES: RefCell<Vec<(u32, State)>> = const { RefCell::new(Vec::new()) };
    /// What JavaScript tells of promises, once somebody waits for one.
    static HEARD: RefCell<Option<Tell>> = const { RefCell::new(None) };
}

/// Wakes the task of a number.
struct Wakes(u32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        WOKEN.with_borrow_mut(|woken| woken.push_back(self.0));
        run();
    }
}

/// Polls what has been woken, unless that is being done already.
fn run() {
    if RUNNING.replace(true) {
        return;
    }
    while let Some(number) = WOKEN.with_borrow_mut(VecDeque::pop_front) {
        let task = TASKS.with_borrow_mut(|tasks| {
            let at = tasks.iter().position(|task| task.number == number)?;
            Some(tasks.swap_remove(at))
        });
        // One that is over may have been woken once more.
        let Some(mut task) = task else { continue };
        if task.work.as_mut().poll(&mut Context::from_waker(&task.waker)).is_pending() {
            TASKS.with_borrow_mut(|tasks| tasks.push(task));
        }
    }
    RUNNING.set(false);
}

/// Begins a task, now or right after the one that runs.
pub fn spawn(work: impl Future<Output = ()> + 'static) {
    let number = LAST.get().wrapping_add(1);
    LAST.set(number);
    let waker = Waker::from(Arc::new(Wakes(number)));
    TASKS.with_borrow_mut(|tasks| tasks.push(Task { number, work: Box::pin(work), waker }));
    WOKEN.with_borrow_mut(|woken| woken.push_back(number));
    run();
}

/// Begins a task right after the turn that runs, which may still hold what the task needs.
pub fn soon(work: impl Future<Output = ()> + 'static) {
    let turn = settled(&Promise::resolve(&JsValue::UNDEFINED));
    spawn(async move {
        let _ = turn.await;
        work.await;
    });
}

/// Waits for a promise: what it was kept or broken with.
pub struct Settled(Result<u32, Option<JsValue>>);

/// Waits for a promise.
pub fn settled(promise: &Promise) -> Settled {
    let number = heard().and_then(|()| glue::settle(promise));
    if let Ok(number) = number {
        PROMISES.with_borrow_mut(|promises| promises.push((number, State::Waiting(None))));
    }
    Settled(number.map_err(Some))
}

/// Has JavaScript tell this instance.
fn heard() -> Result<(), JsValue> {
    HEARD.with_borrow_mut(|heard| {
        if heard.is_none() {
            let tell = Closure::new(hear);
            glue::hear(tell.as_ref())?;
            *heard = Some(tell);
        }
        Ok(())
    })
}

/// A promise has settled.
fn hear(number: u32, kept: bool, value: JsValue) {
    let settled = State::Settled(if kept { Ok(value) } else { Err(value) });
    let before = PROMISES.with_borrow_mut(|promises| {
        let (_, state) = promises.iter_mut().find(|(known, _)| *known == number)?;
        Some(std::mem::replace(state, settled))
    });
    // JavaScript calls this in a turn of its own: whatever ran was torn away by an exception if it seems to run still.
    RUNNING.set(false);
    if let Some(State::Waiting(Some(waker))) = before {
        waker.wake();
    }
}

impl Future for Settled {
    type Output = Result<JsValue, JsValue>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let number = match &mut self.0 {
            Ok(number) => *number,
            Err(why) => return Poll::Ready(Err(why.take().unwrap_or_default())),
        };
        PROMISES.with_borrow_mut(|promises| {
            let Some(at) = promises.iter().position(|(known, _)| *known == number) else {
                return Poll::Pending;
            };
            match promises.get_mut(at) {
                Some((_, state @ State::Waiting(_))) => {
                    *state = State::Waiting(Some(context.waker().clone()));
                    Poll::Pending
                }
                _ => match promises.swap_remove(at).1 {
                    State::Settled(result) => Poll::Ready(result),
                    State::Waiting(_) => Poll::Pending,
                },
            }
        })
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        if let Ok(number) = self.0 {
            PROMISES.with_borrow_mut(|promises| promises.retain(|(known, _)| *known != number));
        }
    }
}
