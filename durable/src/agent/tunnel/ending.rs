//! What ends calls and links: their sockets, broken rules, and those who are sent away.

use super::{Call, Leaving, Link, News, Tunnel, Wire};
use moltghost_protocol::object::tunnel::STREAM;
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::{Frame, Goodbye, Message, Reset};

/// How long a link whose place another takes may go on with its streams.
pub const DRAIN_MS: Millis = 30_000;

impl<W: Wire> Tunnel<W> {
    pub(super) fn forget_held(&mut self, number: u64) {
        for link in self.links.values_mut() {
            link.held.retain(|held| held.call() != number);
        }
    }

    /// A call is over, and both sides know it.
    pub(super) fn end_call(&mut self, number: u64) {
        if let Some(call) = self.forget(number) {
            call.socket.close(1_000, "");
            call.at.into_iter().for_each(|(link, _)| self.retire(link));
        }
    }

    pub(super) fn forget(&mut self, number: u64) -> Option<Call<W>> {
        let call = self.calls.remove(&number)?;
        if let Some(at) = call.at {
            self.streams.remove(&at);
            self.forget_held(number);
        }
        Some(call)
    }

    /// Closes a link that was sent away, once nothing is left on it.
    pub(super) fn retire(&mut self, number: u64) {
        let sent = self.links.get(&number).and_then(|link| link.leaving?.sent);
        let Some((why, _)) = sent.filter(|_| !self.streams.keys().any(|(link, _)| *link == number)) else {
            return;
        };
        if let Some(link) = self.links.remove(&number) {
            let why = Goodbye::of(why);
            link.socket.close(why.close_code(), why.as_str());
        }
    }

    /// Ends a call at both ends.
    pub(super) fn break_call(&mut self, number: u64, reason: Reset) {
        if let Some(call) = self.calls.get(&number) {
            if let Ok(message) = Message::of(STREAM, &Frame::Reset(reason)) {
                call.socket.send_bytes(&message);
            }
        }
        self.call_closed(number);
    }

    /// The socket of a call has closed: the pod is told to stop, unless all was said.
    pub fn call_closed(&mut self, number: u64) {
        let Some(call) = self.forget(number) else { return };
        call.socket.close(1_000, "");
        if let Some((link, stream)) = call.at.filter(|_| !call.stream.is_over()) {
            if let (Some(link), Ok(message)) =
                (self.links.get(&link), Message::of(stream, &Frame::Reset(Reset::Cancelled)))
            {
                link.socket.send_bytes(&message);
            }
        }
        call.at.into_iter().for_each(|(link, _)| self.retire(link));
    }

    /// The socket of a link has closed: its streams are over, or go elsewhere where no pod has taken them.
    pub fn link_closed(&mut self, number: u64, now: Millis) -> Option<News> {
        let link = self.links.remove(&number)?;
        let carried: Vec<u64> =
            self.streams.iter().filter(|((at, _), _)| *at == number).map(|(_, call)| *call).collect();
        for call in carried {
            let accepted = self.calls.get(&call).is_some_and(|call| call.stream.is_accepted());
            let failed_over = !accepted && self.try_again(call, number, now);
            if failed_over {
                continue;
            }
            let reason = if accepted { Reset::Failed } else { Reset::Unreachable };
            self.break_call(call, reason);
        }
        let greeted = link.greeted.filter(|_| link.leaving.is_none())?;
        Some(News::Down(greeted.replica))
    }

    /// Asks a link to leave: its streams may go on until then, new ones go elsewhere. It is closed once it has none.
    pub fn ask_to_leave(&mut self, number: u64, why: Goodbye, by: Millis, now: Millis) -> Option<News> {
        let link = self.links.get_mut(&number).filter(|link| link.leaving.is_none())?;
        link.leaving = Some(Leaving { sent: Some((why.code(), by)) });
        let left = u32::try_from(by - now).unwrap_or(0);
        if let Ok(message) = Message::of(0, &Frame::Goaway(why, left)) {
            link.socket.send_bytes(&message);
        }
        let news = link.greeted.as_ref().map(|greeted| News::Down(greeted.replica.clone()));
        self.keep_link(number);
        if by <= now {
            self.sweep(now);
        } else {
            self.retire(number);
        }
        // The newer link of a replica that is replaced is up.
        news.filter(|_| why != Goodbye::Replaced)
    }

    /// Closes the links whose time to leave is over.
    pub fn sweep(&mut self, now: Millis) {
        let over = |link: &Link<W>| {
            link.leaving.and_then(|leaving| leaving.sent).filter(|(_, by)| *by <= now).map(|(why, _)| why)
        };
        let over: Vec<(u64, u8)> =
            self.links.iter().filter_map(|(number, link)| Some((*number, over(link)?))).collect();
        for (number, why) in over {
            self.close_link(number, Goodbye::of(why), now);
        }
    }

    /// When the first link that was sent away must be gone.
    pub fn next_leave(&self) -> Option<Millis> {
        self.links.values().filter_map(|link| link.leaving?.sent).map(|(_, by)| by).min()
    }

    fn close_link(&mut self, number: u64, why: Goodbye, now: Millis) -> Option<News> {
        if let Some(link) = self.links.get(&number) {
            link.socket.close(why.close_code(), why.as_str());
        }
        self.link_closed(number, now)
    }

    /// Ends a link now.
    pub fn say_goodbye(&mut self, number: u64, why: Goodbye, now: Millis) -> Option<News> {
        if let Some(link) = self.links.get(&number) {
            if let Ok(message) = Message::of(0, &Frame::Goaway(why, 0)) {
                link.socket.send_bytes(&message);
            }
        }
        self.close_link(number, why, now)
    }

    /// The numbers of all links.
    pub fn numbers(&self) -> Vec<u64> {
        self.links.keys().copied().collect()
    }

    /// Whether a connector has said who it is.
    pub fn has_greeted(&self, number: u64) -> bool {
        self.links.get(&number).is_none_or(|link| link.greeted.is_some())
    }
}
