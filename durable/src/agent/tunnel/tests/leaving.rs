//! Links that are sent away: what they still carry, when they are closed, and what is told of it.

use super::*;

fn away(bench: &mut Bench, socket: &Socket, by: Millis) -> Option<News> {
    let Some(Whose::Link(number)) = bench.tunnel.whose(socket) else { panic!("no link") };
    bench.tunnel.ask_to_leave(number, Goodbye::Drained, by, 0)
}

#[test]
fn a_link_is_closed_once_its_last_call_is_over_whether_or_not_the_object_sleeps() {
    for sleeps in [false, true] {
        let mut bench = Bench::new(sleeps);
        let link = bench.up("a");
        let (first, second) = (bench.asked(), bench.asked());
        link.heard();
        assert_eq!(away(&mut bench, &link, 30_000), Some(News::Down("a".into())));
        assert_eq!(link.heard(), ["0 goaway drained"]);
        let late = bench.asked();
        assert_eq!(late.heard(), ["1 reset unreachable"], "no new call goes there");
        bench.link_says(&link, &[(1, RESPONSE), (1, Frame::End)]);
        assert_eq!((first.heard().len(), link.closed()), (2, None));
        bench.closes(&second);
        assert_eq!(link.heard_of_streams(), ["2 reset cancelled"]);
        assert_eq!(link.closed(), Some(Goodbye::Drained.close_code()));
        assert!(bench.tunnel.numbers().is_empty());
    }
}

#[test]
fn an_idle_link_is_closed_at_once_and_a_busy_one_when_its_time_is_over() {
    let mut bench = Bench::new(false);
    let (idle, busy) = (bench.up("a"), bench.up("b"));
    away(&mut bench, &idle, 30_000);
    assert_eq!(idle.closed(), Some(Goodbye::Drained.close_code()));
    let call = bench.asked();
    bench.link_says(&busy, &[(1, Frame::Accepted)]);
    away(&mut bench, &busy, 1_000);
    assert_eq!(bench.tunnel.next_leave(), Some(1_000));
    bench.tunnel.sweep(999);
    assert_eq!((busy.closed(), call.heard()), (None, Vec::<String>::new()));
    bench.tunnel.sweep(1_000);
    assert_eq!(busy.closed(), Some(Goodbye::Drained.close_code()));
    assert_eq!((call.heard(), bench.tunnel.next_leave()), (vec!["1 reset failed".to_owned()], None));
}

#[test]
fn a_link_that_must_go_now_fails_what_its_pod_has_taken_and_hands_on_the_rest() {
    let mut bench = Bench::new(false);
    let (link, taken) = (bench.up("a"), bench.asked());
    bench.link_says(&link, &[(1, Frame::Accepted)]);
    let open = bench.asked();
    let other = bench.up("b");
    assert_eq!(away(&mut bench, &link, 0), Some(News::Down("a".into())));
    assert_eq!(taken.heard(), ["1 reset failed"]);
    assert_eq!(open.0.borrow().texts, [AGAIN]);
    bench.call_says(&open, &[REQUEST, Frame::End]);
    assert_eq!(other.heard(), ["1 request", "1 end"]);
    assert_eq!(link.closed(), Some(Goodbye::Drained.close_code()));
}

#[test]
fn a_link_that_refuses_its_last_call_is_closed_too() {
    for others in [0, 1] {
        let mut bench = Bench::new(false);
        let (link, call) = (bench.up("a"), bench.asked());
        for _ in 0..others {
            bench.up("b");
        }
        away(&mut bench, &link, 30_000);
        bench.link_says(&link, &[(1, Frame::Reset(Reset::Refused))]);
        assert_eq!(link.closed(), Some(Goodbye::Drained.close_code()));
        assert_eq!(call.0.borrow().texts.len(), others);
    }
}

#[test]
fn a_link_that_is_replaced_is_no_news_and_one_that_leaves_twice_neither() {
    let mut bench = Bench::new(false);
    let old = bench.up("a");
    bench.asked();
    bench.up("a");
    assert_eq!(away(&mut bench, &old, 30_000), None);
    assert_eq!(bench.closes(&old), None);
}
