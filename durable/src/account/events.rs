//! What happens to the account's agents: taken from their outboxes into the log, and told to who watches.
//!
//! An agent tells again until it was answered, so every event may come twice; the sequence of its outbox says which are
//! new. A report is written as a whole, and shown once it is.

use super::sums::REPORT_AFTER;
use super::{Account, Answer, World};
use crate::sql::{column, Sql, Value};
use crate::stream::link::{deliver, Link, Socket};
use crate::stream::log::{append, Span};
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::id::TokenId;
use moltghost_protocol::metrics::figures::Figures;
use moltghost_protocol::object::account::{AccountAsk, AccountOp, Report, Watching};
use moltghost_protocol::object::{read, write_answer};
use moltghost_protocol::time::Millis;

/// Events that are kept.
const KEPT: i64 = 10_000;

/// Most streams of one account at once.
pub const MAX_STREAMS: usize = 100;

/// How often readers are written to at most, in milliseconds, to find out which have left.
const PROBE_PACE: Millis = 500;

/// Owner of the operator's streams; no token has this id.
const OPERATOR: &str = "operator";

/// A socket was closed because its token ended.
const TOKEN_ENDED: u16 = 4401;

/// A socket was closed because it was refused.
const REFUSED: u16 = 4403;

impl<S: Sql, W: World> Account<S, W> {
    /// Takes an agent's report.
    pub(super) fn take_report(&self, report: &Report) -> Answer<()> {
        let account = self.document()?.id;
        let rows = self.sql.run(
            "SELECT seq, state, figures FROM reporter WHERE agent = ?1",
            &[report.agent.as_str().into()],
        )?;
        let row = rows.first().map(Vec::as_slice).unwrap_or_default();
        let (seen, known) = (column(row, 0).int(), column(row, 1).maybe_text());
        let before: Figures = serde_json::from_str(column(row, 2).text()).unwrap_or_default();
        let last = report.events.last().map_or(seen, |event| event.seq.max(seen));
        let new = report.events.iter().filter(|event| event.seq > seen);
        let events = new
            .filter_map(|event| event.event.as_ref())
            .map(|(at, event)| (event.kind().to_owned(), event.body(&account, &report.agent, *at)));
        let mut statements = append(&Span::read(&self.sql)?, events.collect(), KEPT);
        // The state comes with the event that tells of it; a report that is late must not bring back an older one.
        let state = if last > seen { None } else { known.clone() };
        let state = state.unwrap_or_else(|| report.state.as_str().to_owned());
        let more = report.figures.weight() > before.weight();
        let changed = more || known.as_ref() != Some(&state);
        let figures = if more { &report.figures } else { &before };
        statements.push((
            "REPLACE INTO reporter (agent, seq, state, figures) VALUES (?1, ?2, ?3, ?4)",
            vec![report.agent.as_str().into(), last.into(), state.into(), json(figures)],
        ));
        self.sql.batch(&statements)?;
        if changed {
            self.world.wake(self.world.now() + REPORT_AFTER);
        }
        deliver(&self.sql, &Span::read(&self.sql)?, &self.world.sockets())?;
        Ok(())
    }

    /// Takes a frame of a link: first who it is and where it goes on, then what its reader took.
    pub fn frame(&self, socket: &W::Socket, text: &str) {
        let taken = match Link::of(socket) {
            Some(link) => self.took(link, socket, text),
            None => self.greet(socket, text).map_err(|problem| (REFUSED, problem)),
        };
        if let Err((code, problem)) = taken {
            socket.say(&write_answer::<()>(&Err(problem)));
            socket.close(code, "refused");
        }
    }

    fn took(&self, mut link: Link, socket: &W::Socket, text: &str) -> Result<(), (u16, Problem)> {
        let bytes = text.parse().map_err(|_| (1_008, unreadable()))?;
        link.took(bytes);
        link.keep(socket);
        // What the database cannot give now comes with the next event or acknowledgement.
        let _ = Span::read(&self.sql).and_then(|span| link.pump(&self.sql, &span, socket));
        Ok(())
    }

    /// Opens a link: `<cursor>\n<message>`, the message asking to watch. The first frame back is the answer.
    fn greet(&self, socket: &W::Socket, text: &str) -> Answer<()> {
        let (cursor, message) = text.split_once('\n').ok_or_else(unreadable)?;
        let (owner, ends) = match read(message)? {
            AccountAsk::Operator(AccountOp::Watch) => (OPERATOR.to_owned(), None),
            AccountAsk::Token { id, token, op: op @ AccountOp::Watch } => {
                self.check_token(&id, &token, &op)?;
                (id.as_str().to_owned(), self.token_end(&id)?)
            }
            _ => return Err(unreadable()),
        };
        self.document()?;
        let span = Span::read(&self.sql)?;
        let sockets = self.world.sockets();
        let open: Vec<_> = sockets.iter().filter_map(|other| Some((Link::of(other)?, other))).collect();
        if open.len() >= MAX_STREAMS {
            // Who is refused now finds room when it asks again, if a reader has left.
            if self.may_probe() {
                for (link, other) in &open {
                    link.probe(&span, *other);
                }
            }
            return Err(Problem::new(
                Code::TooManyStreams,
                format!("The account has {MAX_STREAMS} event streams open, which is the most. Close one."),
            )
            .retry(Retry::After(5_000)));
        }
        let mut link = Link::new(owner, &span, cursor);
        link.keep(socket);
        let cursor = link.begins(&span);
        socket.say(&write_answer(&Ok(Watching { ends, cursor })));
        link.pump(&self.sql, &span, socket)?;
        Ok(())
    }

    /// Whether readers are to be looked after again that may have left.
    fn may_probe(&self) -> bool {
        let now = self.world.now();
        let due = !(0..PROBE_PACE).contains(&(now - self.probed.get()));
        if due {
            self.probed.set(now);
        }
        due
    }

    /// Ends the streams of a token that is no more.
    pub(super) fn end_streams(&self, id: &TokenId) {
        let Ok(span) = Span::read(&self.sql) else { return };
        for socket in self.world.sockets() {
            if let Some(link) = Link::of(&socket).filter(|link| link.owner == id.as_str()) {
                link.end(&span, &socket, &token_ended());
                socket.close(TOKEN_ENDED, "the token has ended");
            }
        }
    }
}

/// `invalid_token`, to who watched with a token that has ended meanwhile.
pub fn token_ended() -> Problem {
    Problem::new(
        Code::InvalidToken,
        "The token that this stream was opened with was revoked or has expired. Open it again with another token.",
    )
}

fn unreadable() -> Problem {
    Problem::new(Code::InternalError, "an account got a frame it cannot read")
}

pub(super) fn json(figures: &Figures) -> Value {
    Value::Text(serde_json::to_string(figures).unwrap_or_default())
}
