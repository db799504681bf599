//! What is kept with the tunnel's sockets, and outlives the object's sleep.

use super::{Call, Leaving, Probed, Wire};
use moltghost_protocol::region::Distance;
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::{Frame, Half, RequestHead, ResponseHead, Side, Stream};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    Link(KeptLink),
    Call(KeptCall),
}

/// Who a connector is, as it has said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Greeted {
    pub replica: String,
    pub weight: u16,
    pub region: Option<String>,
    /// How far it is from the agent's region.
    #[serde(default)]
    pub distance: Distance,
    pub since: Millis,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptLink {
    pub number: u64,
    pub greeted: Option<Greeted>,
    pub next: u32,
    pub leaving: Option<Leaving>,
    pub credit: u32,
    pub probed: Probed,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptCall {
    pub number: u64,
    pub run: Option<RunId>,
    pub at: Option<(u64, u32)>,
    /// Whether the request is over, the pod has taken it, and its head has come.
    pub sent: bool,
    pub accepted: bool,
    pub answered: bool,
    pub only: Option<u64>,
}

impl KeptCall {
    pub fn of<W>(number: u64, call: &Call<W>) -> Self {
        let stream = call.stream;
        Self {
            number,
            run: call.run.clone(),
            at: call.at,
            only: call.only,
            sent: stream.request() == Half::Ended,
            accepted: stream.is_accepted(),
            answered: stream.response() != Half::Before,
        }
    }

    /// Its stream, so far as it is.
    pub fn stream(&self) -> Stream {
        let mut stream = Stream::default();
        let request = Frame::Request(RequestHead { method: "POST", path: "/", lines: "" });
        let response = Frame::Response(ResponseHead { status: 200, lines: "" });
        for (was, from, frame) in [
            (self.at.is_some(), Side::Endpoint, request),
            (self.sent, Side::Endpoint, Frame::End),
            (self.accepted && !self.answered, Side::Connector, Frame::Accepted),
            (self.answered, Side::Connector, response),
        ] {
            if was {
                let _ = stream.take(from, &frame);
            }
        }
        stream
    }
}

/// What was kept with a socket, if it is one of the tunnel's.
pub(super) fn of(socket: &impl Wire) -> Option<Kept> {
    serde_json::from_str(&socket.kept()?).ok()
}

pub(super) fn keep(socket: &impl Wire, kept: &Kept) {
    socket.keep(&serde_json::to_string(kept).unwrap_or_default());
}
