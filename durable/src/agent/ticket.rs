//! Who may open a socket of `/ws`, and tickets: what a browser, which cannot send the key with an upgrade, sends in its
//! place (agent-endpoints §6).
//!
//! A ticket is stored as a keyed hash with the key and the origin that it was made for, holds for a minute, and is gone
//! from the database before its socket is there: the answer to the upgrade waits for that write. Whatever comes of an
//! upgrade, its ticket is used up.

use super::caller::wrong_key;
use super::endpoint::{not_found, terminated, Answer, Endpoint, Loaded};
use super::keys::Key;
use crate::sql::{column, Sql, Statement};
use moltghost_protocol::control::agent::State;
use moltghost_protocol::credential::{ApiKey, Pepper, Secret};
use moltghost_protocol::endpoint::route::Route;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::KeyId;
use moltghost_protocol::object::agent::{Upgrade, Vouched};
use moltghost_protocol::time::Millis;

/// How long a ticket holds.
pub const TICKET_MS: Millis = 60_000;

/// Most tickets of one agent that wait to be used.
const MAX_TICKETS: i64 = 1_000;

/// Longest origin that a socket or a ticket is bound to, in bytes: it is kept with the socket.
const MAX_ORIGIN: usize = 512;

/// Characters of a secret's hash that tell a key's secrets apart.
const MARK: usize = 16;

const PURPOSE: &str = "moltghost/ws-ticket/v1";

/// Hash of a ticket: of 190 random bits, so a look-up by it tells nothing. Tickets do not outlive a change of pepper.
fn hash(pepper: &Pepper, ticket: &str) -> String {
    moltghost_protocol::alphabet::hex(&pepper.derive(PURPOSE, &[ticket]))
}

impl<S: Sql> Endpoint<S> {
    /// Keeps a ticket for a key that was checked.
    ///
    /// # Errors
    /// The refusal that the upgrade would get; `too_many_streams` where too many wait.
    pub(super) fn keep_ticket(
        &mut self,
        key: &KeyId,
        presented: &str,
        browser: Option<&str>,
        ticket: &str,
        now: Millis,
    ) -> Answer<()> {
        let pepper = self.pepper.clone();
        let loaded = self.existing()?;
        loaded.may_open(key, browser, now)?;
        let mark = loaded.mark(key, presented, &pepper, now).ok_or_else(wrong_key)?;
        let waiting = self.sql.run("SELECT count(*) FROM ticket WHERE until > ?1", &[now.into()])?;
        if waiting.first().is_some_and(|row| column(row, 0).int() >= MAX_TICKETS) {
            let message = "1000 tickets of this agent wait to be used, which is the most there may be.";
            return Err(Problem::new(Code::TooManyStreams, message));
        }
        let row = vec![
            hash(&pepper, ticket).into(),
            key.as_str().into(),
            mark.into(),
            browser.map(str::to_owned).into(),
            (now + TICKET_MS).into(),
        ];
        let statements: [Statement; 2] = [
            ("DELETE FROM ticket WHERE until <= ?1", vec![now.into()]),
            ("INSERT INTO ticket (hash, key, mark, browser, until) VALUES (?1, ?2, ?3, ?4, ?5)", row),
        ];
        Ok(self.sql.batch(&statements)?)
    }

    /// Checks an upgrade; answers whose socket it is.
    ///
    /// # Errors
    /// `agent_not_found`, and what a call would be refused with before its body is looked at.
    pub fn open(&mut self, ask: &Upgrade, now: Millis) -> Answer<Vouched> {
        self.now = now;
        self.touch()?;
        let pepper = self.pepper.clone();
        let browser = ask.browser.as_deref();
        let loaded = self.existing()?;
        if !loaded.is_called(ask.alias.as_ref()) {
            return Err(not_found());
        }
        if let Some(ticket) = &ask.ticket {
            let vouched = self.use_ticket(ticket, browser, now)?;
            let loaded = self.existing()?;
            loaded.check_vouched(&vouched, browser, now)?;
            loaded.may_open(&vouched.id, browser, now)?;
            return Ok(vouched);
        }
        let id = loaded.check_caller(ask.key.as_ref(), browser, &pepper, now)?;
        loaded.may_open(&id, browser, now)?;
        let presented = ask.key.as_ref().map_or("", |key| &key.key);
        let mark = loaded.mark(&id, presented, &pepper, now).ok_or_else(wrong_key)?;
        Ok(Vouched { account: loaded.account.clone(), id, mark })
    }

    /// Takes a ticket out of the database, and answers for whom it was if it holds here.
    fn use_ticket(&mut self, ticket: &str, browser: Option<&str>, now: Millis) -> Answer<Vouched> {
        let pepper = self.pepper.clone();
        if self.existing()?.state == State::Terminated {
            return Err(terminated());
        }
        if Secret::parse(ticket).is_none() {
            return Err(wrong_ticket());
        }
        let one = || vec![hash(&pepper, ticket).into()];
        let found = self.sql.run("SELECT key, mark, browser, until FROM ticket WHERE hash = ?1", &one())?;
        let row = found.first().ok_or_else(wrong_ticket)?;
        self.sql.batch(&[("DELETE FROM ticket WHERE hash = ?1", one())])?;
        let bound = column(row, 2).maybe_text();
        if column(row, 3).int() <= now || bound.as_deref() != browser {
            return Err(wrong_ticket());
        }
        let id = KeyId::parse(column(row, 0).text()).map_err(|_| wrong_ticket())?;
        let account = self.existing()?.account.clone();
        Ok(Vouched { account, id, mark: column(row, 1).text().to_owned() })
    }

    /// Why a socket must close now, if it must: its key opens nothing any more, or the agent is gone.
    pub fn must_close(&self, vouched: &Vouched, now: Millis) -> Option<Problem> {
        let Some(loaded) = &self.loaded else { return Some(not_found()) };
        if loaded.state == State::Terminated {
            return Some(terminated());
        }
        (!loaded.knows(vouched, now)).then(wrong_key)
    }
}

impl Loaded {
    /// The key that a socket was opened with, checked as one that is presented is.
    pub(super) fn check_vouched(
        &mut self,
        vouched: &Vouched,
        browser: Option<&str>,
        now: Millis,
    ) -> Result<KeyId, Problem> {
        if self.state == State::Terminated {
            return Err(terminated());
        }
        if !self.knows(vouched, now) {
            return Err(wrong_key());
        }
        self.check_browser(browser)?;
        if self.keys.get_mut(&vouched.id).is_some_and(|key| key.used(now)) {
            self.used_keys.push(vouched.id.clone());
        }
        Ok(vouched.id.clone())
    }

    fn knows(&self, vouched: &Vouched, now: Millis) -> bool {
        self.keys.get(&vouched.id).is_some_and(|key| {
            let mut hashes = [Some(key.hash.hash.as_str()), key.old_hash(now).map(|old| old.hash.as_str())]
                .into_iter()
                .flatten();
            key.is_live(now)
                && vouched.account == self.account
                && hashes.any(|hash| hash.get(..MARK) == Some(vouched.mark.as_str()))
        })
    }

    /// Which of a key's secrets this is.
    fn mark(&self, id: &KeyId, presented: &str, pepper: &Pepper, now: Millis) -> Option<String> {
        let given = ApiKey::parse(presented)?;
        let key: &Key = self.keys.get(id)?;
        let hash = if key.hash.matches(&given.secret, pepper) { &key.hash } else { key.old_hash(now)? };
        hash.hash.get(..MARK).map(str::to_owned)
    }

    /// Whether a socket may be opened: by state, path and origin. Where `/v1/chat` would answer 202, this refuses.
    fn may_open(&self, key: &KeyId, browser: Option<&str>, now: Millis) -> Result<(), Problem> {
        self.serving(now)?;
        self.check_path(key, Route::Socket.pattern())?;
        if browser.is_some_and(|origin| origin.len() > MAX_ORIGIN) {
            let message = "The Origin of a socket has at most 512 bytes.";
            return Err(Problem::new(Code::OriginNotAllowed, message));
        }
        Ok(())
    }
}

/// One answer for every ticket that opens nothing here.
fn wrong_ticket() -> Problem {
    let message = "This ticket does not open this agent: it holds for 60 seconds, once, on the page that asked for it. \
                   Ask POST /v1/ws-ticket for another.";
    Problem::new(Code::InvalidApiKey, message)
}
