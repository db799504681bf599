//! Frames from links to calls and back, greetings, and what ends either.

use super::choice::Wanted;
use super::ending::DRAIN_MS;
use super::kept::Greeted;
use super::{Held, Leaving, News, Tunnel, Wire};
use moltghost_protocol::object::tunnel::{AGAIN, STREAM};
use moltghost_protocol::region::Region;
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::{
    Frame, Frames, Goodbye, Half, Hello, Message, Reset, Side, Step, Stream, Welcome, MAX_LINKS, VERSION,
};
use std::collections::BTreeMap;

/// Bytes after which a connector is told that there is room again on the link.
pub(super) const TOLD_AT: u32 = 256 * 1024;

impl<W: Wire> Tunnel<W> {
    /// Takes a message of a connector.
    pub fn link_said(&mut self, number: u64, message: &[u8], agent: &str, now: Millis) -> Option<News> {
        let mut to_calls: BTreeMap<u64, Message> = BTreeMap::new();
        let mut back = Message::default();
        let mut news = None;
        let mut over = Vec::new();
        let mut broken = false;
        match Frames::of(message) {
            Err(_) => broken = true,
            Ok(frames) => {
                for frame in frames {
                    let taken = match frame {
                        Ok((0, frame)) => self.link_frame(number, &frame, &mut back, agent, now, &mut news),
                        Ok((stream, frame)) => self.stream_frame(
                            (number, stream),
                            &frame,
                            &mut back,
                            &mut to_calls,
                            &mut over,
                            now,
                        ),
                        Err(_) => false,
                    };
                    if !taken {
                        broken = true;
                        break;
                    }
                }
            }
        }
        for (call, mut message) in to_calls {
            if let Some(call) = self.calls.get(&call) {
                if !message.is_empty() {
                    call.socket.send_bytes(&message.take());
                }
            }
        }
        if let Some(link) = self.links.get(&number) {
            if !back.is_empty() {
                link.socket.send_bytes(&back.take());
            }
        }
        for call in over {
            self.end_call(call);
        }
        if broken {
            return self.say_goodbye(number, Goodbye::Protocol, now).or(news);
        }
        news
    }

    /// A frame of the link itself. Answers whether it may come.
    fn link_frame(
        &mut self,
        number: u64,
        frame: &Frame<'_>,
        back: &mut Message,
        agent: &str,
        now: Millis,
        news: &mut Option<News>,
    ) -> bool {
        let Some(link) = self.links.get_mut(&number) else { return false };
        match (link.greeted.is_some(), frame) {
            (false, Frame::Hello(hello)) => {
                *news = self.greet(number, hello, back, agent, now);
            }
            (true, Frame::Ping(bytes)) => {
                let _ = back.push(0, &Frame::Pong(*bytes));
            }
            (true, Frame::Pong(_)) => {}
            (true, Frame::Window(room)) => {
                link.credit.add(*room);
                self.let_go(number);
                self.keep_link(number);
            }
            (true, Frame::Goaway(..)) => {
                if link.leaving.is_none() {
                    *news = link.greeted.as_ref().map(|greeted| News::Down(greeted.replica.clone()));
                }
                link.leaving.get_or_insert(Leaving { sent: None });
                self.keep_link(number);
            }
            _ => return false,
        }
        true
    }

    fn greet(
        &mut self,
        number: u64,
        hello: &Hello,
        back: &mut Message,
        agent: &str,
        now: Millis,
    ) -> Option<News> {
        if !hello.speaks(VERSION) {
            return self.say_goodbye(number, Goodbye::Version, now);
        }
        let replica = hello.replica.as_str();
        let older = self.of_replica(replica);
        if older.is_empty() && self.up().count() >= MAX_LINKS {
            return self.say_goodbye(number, Goodbye::TooManyLinks, now);
        }
        for older in older {
            self.ask_to_leave(older, Goodbye::Replaced, now + DRAIN_MS, now);
        }
        let home = self.home;
        let link = self.links.get_mut(&number)?;
        link.greeted = Some(Greeted {
            replica: replica.to_owned(),
            weight: hello.weight,
            region: hello.region.clone(),
            distance: Region::distance(home, hello.region.as_deref().and_then(Region::parse)),
            since: now,
        });
        let welcome = Welcome { version: VERSION, agent: agent.to_owned(), link: number.to_string() };
        let _ = back.push(0, &Frame::Welcome(welcome));
        self.keep_link(number);
        Some(News::Up(replica.to_owned()))
    }

    /// A frame of a stream, from a link. Answers whether it may come.
    fn stream_frame(
        &mut self,
        at: (u64, u32),
        frame: &Frame<'_>,
        back: &mut Message,
        to_calls: &mut BTreeMap<u64, Message>,
        over: &mut Vec<u64>,
        now: Millis,
    ) -> bool {
        let Some(link) = self.links.get_mut(&at.0) else { return false };
        if link.greeted.is_none() || at.1 >= link.next || matches!(frame, Frame::Request(_)) {
            return false;
        }
        if let Frame::Body(bytes) = frame {
            link.taken = link.taken.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            if link.taken >= TOLD_AT {
                let _ = back.push(0, &Frame::Window(std::mem::take(&mut link.taken)));
            }
        }
        // A stream that is over: its connector did not know when it sent this.
        let Some(number) = self.streams.get(&at).copied() else { return true };
        let Some(call) = self.calls.get_mut(&number) else { return true };
        let was = (call.stream.is_accepted(), call.stream.response());
        let unasked = matches!(frame, Frame::Reset(reason) if reason.is_unasked()) && !was.0;
        // A pod that breaks off before its head counts against its link, though the call may go nowhere else.
        let failed = matches!(frame, Frame::Reset(reason) if reason.is_unasked() || *reason == Reset::Failed)
            && was.1 == Half::Before;
        let step = call.stream.take(Side::Connector, frame);
        let changed = was != (call.stream.is_accepted(), call.stream.response());
        let message = to_calls.entry(number).or_default();
        match step {
            Ok(Step::Late) => {}
            Ok(Step::Take) => {
                // That the pod has taken the request is for the object alone to know.
                if !matches!(frame, Frame::Accepted) {
                    let _ = message.push(STREAM, frame);
                }
                if changed {
                    self.keep_call(number);
                }
                if matches!(frame, Frame::Response(_)) {
                    self.judge(at.0, true, now);
                }
            }
            Ok(Step::Over) => {
                if failed {
                    self.judge(at.0, false, now);
                }
                if unasked && self.try_again(number, at.0, now) {
                    return true;
                }
                let _ = to_calls.entry(number).or_default().push(STREAM, frame);
                over.push(number);
            }
            Err(_) => {
                let _ = message.push(STREAM, &Frame::Reset(Reset::Protocol));
                let _ = back.push(at.1, &Frame::Reset(Reset::Protocol));
                over.push(number);
            }
        }
        true
    }

    /// Has the Worker send a request once more, where a link has not been tried that may take it.
    pub(super) fn try_again(&mut self, number: u64, failed: u64, now: Millis) -> bool {
        let Some(call) = self.calls.get_mut(&number) else { return false };
        if let Some(at) = call.at.take() {
            self.streams.remove(&at);
        }
        self.forget_held(number);
        self.retire(failed);
        let Some(call) = self.calls.get_mut(&number) else { return false };
        call.tried.push(failed);
        let (tried, only) = (call.tried.clone(), call.only);
        let wanted = Wanted { method: "", path: "", only, tried: &tried };
        if self.best(&wanted, now).is_none() {
            return false;
        }
        let Some(call) = self.calls.get_mut(&number) else { return false };
        call.stream = Stream::default();
        call.socket.send_text(AGAIN);
        self.keep_call(number);
        true
    }

    /// Takes a message of the Worker for a call.
    pub fn call_said(&mut self, number: u64, message: &[u8], now: Millis) {
        let Ok(frames) = Frames::of(message) else { return self.break_call(number, Reset::Protocol) };
        let mut to_link = Message::default();
        for frame in frames {
            let Ok((STREAM, frame)) = frame else { return self.break_call(number, Reset::Protocol) };
            let Some(call) = self.calls.get_mut(&number) else { break };
            if call.at.is_none() {
                // What follows a request that another link is to take comes again.
                let Frame::Request(head) = &frame else { continue };
                let (tried, only) = (call.tried.clone(), call.only);
                let wanted = Wanted { method: head.method, path: head.path, only, tried: &tried };
                let Some(link) = self.choose(&wanted, now) else {
                    return self.break_call(number, Reset::Unreachable);
                };
                self.open_stream(number, link);
            }
            let Some(call) = self.calls.get_mut(&number) else { break };
            let Some(at) = call.at else { break };
            match call.stream.take(Side::Endpoint, &frame) {
                Err(_) => return self.break_call(number, Reset::Protocol),
                Ok(Step::Late) => continue,
                Ok(Step::Take | Step::Over) => {}
            }
            self.pass_or_hold(number, at, &frame, &mut to_link);
            if matches!(frame, Frame::Reset(_)) {
                self.send(at.0, &mut to_link);
                self.end_call(number);
                return;
            }
        }
        let at = self.calls.get(&number).and_then(|call| call.at);
        if let Some((link, _)) = at {
            self.send(link, &mut to_link);
            self.keep_link(link);
            self.keep_call(number);
        }
    }

    fn open_stream(&mut self, number: u64, link: u64) {
        if let (Some(call), Some(found)) = (self.calls.get_mut(&number), self.links.get_mut(&link)) {
            let at = (link, found.next);
            found.next += 1;
            call.at = Some(at);
            self.streams.insert(at, number);
        }
    }

    /// Puts a frame into a message for a link, or holds it until the link has room.
    fn pass_or_hold(&mut self, number: u64, at: (u64, u32), frame: &Frame<'_>, message: &mut Message) {
        let Some(link) = self.links.get_mut(&at.0) else { return };
        let waits = link.held.iter().any(|held| held.call() == number);
        match frame {
            Frame::Body(bytes) => {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                if waits || link.credit.left() < length {
                    return link.held.push_back(Held::Body(number, bytes.to_vec()));
                }
                link.credit.spend(length);
            }
            Frame::End if waits => return link.held.push_back(Held::End(number)),
            _ => {}
        }
        let _ = message.push(at.1, frame);
    }

    /// Sends what was held and fits now.
    fn let_go(&mut self, number: u64) {
        let Some(link) = self.links.get_mut(&number) else { return };
        while let Some(held) = link.held.front() {
            let room = link.credit.left();
            if matches!(held, Held::Body(_, bytes) if u32::try_from(bytes.len()).unwrap_or(u32::MAX) > room) {
                return;
            }
            let Some(held) = link.held.pop_front() else { return };
            let at = self.calls.get(&held.call()).and_then(|call| call.at);
            let Some((_, stream)) = at.filter(|(link, _)| *link == number) else { continue };
            let frame = match &held {
                Held::Body(_, bytes) => {
                    link.credit.spend(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                    Frame::Body(bytes)
                }
                Held::End(_) => Frame::End,
            };
            if let Ok(message) = Message::of(stream, &frame) {
                link.socket.send_bytes(&message);
            }
        }
    }

    fn send(&self, link: u64, message: &mut Message) {
        if let Some(link) = self.links.get(&link).filter(|_| !message.is_empty()) {
            link.socket.send_bytes(&message.take());
        }
    }
}
