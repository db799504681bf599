//! What a link owes and is owed, frame by frame.

use super::*;
use moltghost_protocol::tunnel::{RequestHead, ResponseHead};

const REQUEST: Frame<'_> = Frame::Request(RequestHead { method: "POST", path: "/v1/chat", lines: "" });
const RESPONSE: Frame<'_> = Frame::Response(ResponseHead { status: 200, lines: "" });
static PART: [u8; MAX_BODY] = [7; MAX_BODY];

fn opened(id: u32) -> (Table, Vec<Due>) {
    let (table, mut due) = (Table::default(), Vec::new());
    assert_eq!(table.open(id, &REQUEST, &mut due), Ok(true));
    (table, due)
}

fn read(table: &Table, id: u32, due: &mut Vec<Due>) -> Poll<Option<Result<Bytes, Gone>>> {
    table.poll_body(id, &Context::from_waker(Waker::noop()), due)
}

#[test]
fn ids_only_rise() {
    let (table, mut due) = opened(5);
    assert_eq!(table.open(5, &REQUEST, &mut due), Err(Goodbye::Protocol));
    assert_eq!(table.open(4, &REQUEST, &mut due), Err(Goodbye::Protocol));
    assert_eq!(table.receive(6, &Frame::End, &mut due), Err(Goodbye::Protocol));
    assert_eq!(table.receive(3, &Frame::End, &mut due), Ok(()));
}

#[test]
fn what_is_too_much_or_too_late_is_refused() {
    let (table, mut due) = opened(1);
    for id in 2..=u32::try_from(MAX_STREAMS).unwrap() {
        assert_eq!(table.open(id, &REQUEST, &mut due), Ok(true));
    }
    assert_eq!(table.open(1_000, &REQUEST, &mut due), Ok(false));
    assert_eq!(due, [Due::Refuse(1_000)]);
    let (table, mut due) = opened(1);
    table.leave();
    assert_eq!(table.open(2, &REQUEST, &mut due), Ok(false));
    assert_eq!(due, [Due::Refuse(2)]);
}

#[test]
fn a_body_makes_room_as_it_is_read() {
    let (table, mut due) = opened(1);
    assert!(matches!(read(&table, 1, &mut due), Poll::Pending));
    table.receive(1, &Frame::Body(&PART), &mut due).unwrap();
    assert_eq!((table.whole(1), due.len()), (None, 0));
    table.receive(1, &Frame::End, &mut due).unwrap();
    assert_eq!(table.whole(1), Some(PART.len() as u64));
    table.accepted(1);
    assert!(matches!(read(&table, 1, &mut due), Poll::Ready(Some(Ok(bytes))) if bytes.len() == MAX_BODY));
    assert_eq!(due, [Due::Window(1, 65_536)]);
    assert!(matches!(read(&table, 1, &mut due), Poll::Ready(None)));
}

struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn the_end_of_a_body_waits_until_it_was_said_that_the_pod_takes_it() {
    for end_comes_later in [false, true] {
        let (table, mut due) = opened(1);
        table.receive(1, &Frame::Body(b"begin"), &mut due).unwrap();
        assert!(matches!(read(&table, 1, &mut due), Poll::Ready(Some(Ok(bytes))) if bytes == "begin"));
        if !end_comes_later {
            table.receive(1, &Frame::Body(b"end"), &mut due).unwrap();
        }
        table.receive(1, &Frame::End, &mut due).unwrap();
        let woken = Arc::new(Woken(false.into()));
        let waker = Waker::from(Arc::clone(&woken));
        for _ in 0..2 {
            assert!(matches!(table.poll_body(1, &Context::from_waker(&waker), &mut due), Poll::Pending));
        }
        assert_eq!(due, [Due::Accepted(1)]);
        assert!(!woken.0.load(std::sync::atomic::Ordering::SeqCst));
        assert!(table.send(1, &Frame::Accepted, &mut due));
        assert!(matches!(table.poll_body(1, &Context::from_waker(&waker), &mut due), Poll::Pending));
        table.accepted(1);
        assert!(woken.0.load(std::sync::atomic::Ordering::SeqCst));
        if !end_comes_later {
            assert!(matches!(read(&table, 1, &mut due), Poll::Ready(Some(Ok(bytes))) if bytes == "end"));
        }
        assert!(matches!(read(&table, 1, &mut due), Poll::Ready(None)));
        assert_eq!(due, [Due::Accepted(1)]);
    }
}

#[test]
fn the_end_of_a_body_never_comes_where_the_link_is_lost_before() {
    let (table, mut due) = opened(1);
    table.receive(1, &Frame::Body(b"all"), &mut due).unwrap();
    table.receive(1, &Frame::End, &mut due).unwrap();
    assert!(matches!(read(&table, 1, &mut due), Poll::Pending));
    table.clear();
    table.accepted(1);
    assert!(matches!(read(&table, 1, &mut due), Poll::Ready(Some(Err(Gone)))));
}

#[tokio::test]
async fn more_than_there_is_room_for_gives_the_stream_up_and_nothing_else() {
    let (table, mut due) = opened(1);
    for _ in 0..4 {
        table.receive(1, &Frame::Body(&PART), &mut due).unwrap();
    }
    table.receive(1, &Frame::Body(&PART), &mut due).unwrap();
    assert_eq!(table.given_up(1).await, Reset::FlowControl);
    assert_eq!(table.open(2, &REQUEST, &mut due), Ok(true));
}

#[test]
fn room_of_a_stream_that_ends_is_given_back_to_the_link() {
    let (table, mut due) = opened(1);
    for id in 1..=17 {
        if id > 1 {
            table.open(id, &REQUEST, &mut due).unwrap();
        }
        for _ in 0..4 {
            table.receive(id, &Frame::Body(&PART), &mut due).unwrap();
        }
        table.receive(id, &Frame::Reset(Reset::Cancelled), &mut due).unwrap();
    }
    // More went through than the link's window; each reset gave back what nobody had read.
    assert!(due.iter().all(|due| matches!(due, Due::Window(0, _))) && due.len() >= 4);
    assert_eq!(table.len(), 0);
    // A body that comes late counts and is given back, too.
    table.receive(17, &Frame::Body(&PART), &mut due).unwrap();
}

#[tokio::test]
async fn credit_is_of_the_stream_and_of_the_link() {
    let (table, mut due) = opened(1);
    assert_eq!(table.reserve(1, usize::MAX).await, MAX_BODY);
    for _ in 0..3 {
        table.reserve(1, MAX_BODY).await;
    }
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), table.reserve(1, 1));
    assert!(waiting.await.is_err(), "the stream's window is full");
    table.receive(1, &Frame::Window(3), &mut due).unwrap();
    assert_eq!(table.reserve(1, 100).await, 3);
    table.receive(1, &Frame::Reset(Reset::Cancelled), &mut due).unwrap();
    assert_eq!(table.reserve(1, 100).await, 0);
}

#[test]
fn what_is_not_sent_costs_nothing() {
    let (table, mut due) = opened(1);
    assert!(!table.send(1, &Frame::Body(b"too early"), &mut due));
    assert!(table.send(1, &RESPONSE, &mut due));
    assert!(!table.send(1, &Frame::Accepted, &mut due), "the response says so already");
    assert!(table.send(1, &Frame::Body(b"x"), &mut due));
    assert!(table.send(1, &Frame::End, &mut due));
    assert!(!table.send(1, &Frame::Body(b"too late"), &mut due));
    assert_eq!(table.len(), 0);
}
