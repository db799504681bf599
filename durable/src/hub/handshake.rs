//! From the upgrade to `READY`: a socket is greeted with `HELLO`, says who it is, the directory is asked, and the answer
//! is looked at, `READY` said and everything missed sent in one turn, after which it is live.
//!
//! A claim, which makes a token, is noted before the directory makes it, and forgotten once anything was heard after
//! `READY`. Whatever happens in between, the alarm finds the note and undoes the claim.

use super::attach::keep;
use super::attachment::{Asking, End, Incoming, KeptAttachment, KeptLive, Live, Phase, IDENTIFY_MS};
use super::fanout::Round;
use super::{Hub, World};
use crate::sql::{column, Sql};
use crate::stream::link::Socket;
use moltghost_protocol::alphabet::hex;
use moltghost_protocol::moltnet::access::Mode;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::frame;
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::object::attach::{Attached, Identifying, Unanswered};
use moltghost_protocol::object::hub::Admitted;
use moltghost_protocol::object::network::{NetworkOp, Reply};
use std::rc::Rc;

/// Claims that one alarm undoes.
const UNDONE: i64 = 100;

/// Sockets of one identity that may be open without having said who they are.
pub(super) const UNIDENTIFIED: usize = 1_000;

impl<S: Sql, W: World> Hub<S, W> {
    /// A socket was opened by somebody who was let in to attach.
    ///
    /// # Errors
    /// 503 where as many are open as may be.
    pub fn hello(&self, socket: W::Socket, admitted: Admitted) -> Outcome<()> {
        self.prepare()?;
        if self.has_ended(&admitted)? {
            return Err(MoltnetError::unauthorized("invalid token"));
        }
        let until = self.world.now() + IDENTIFY_MS;
        let mut peers = self.peers()?;
        let kept = KeptAttachment { admitted, until, live: None };
        keep(&socket, &kept);
        socket.say(&frame::hello(self.beats().advertised));
        let first = peers.is_empty();
        peers.attach(&self.settings.id, socket, kept);
        if first {
            self.is_followed();
        }
        self.world.wake(until);
        Ok(())
    }

    /// Whether another attachment may be opened.
    ///
    /// # Errors
    /// 503.
    pub fn may_attach(&self, admitted: &Admitted) -> Outcome<()> {
        self.prepare()?;
        let peers = self.peers()?;
        if peers.attachments.len() >= self.settings.attachments {
            return Err(MoltnetError::unavailable("as many attachments are open as may be"));
        }
        let unidentified = peers.attachments.values().filter(|attachment| {
            !matches!(attachment.phase, Phase::Live(_)) && attachment.admitted.identity == admitted.identity
        });
        if unidentified.count() >= UNIDENTIFIED {
            return Err(MoltnetError::unavailable(
                "too many sockets are open that have not said who they are",
            ));
        }
        Ok(())
    }

    /// An attachment has said who it is: asks the directory, and goes on with what it says.
    pub async fn identify(&self, number: u64) {
        let asked = match self.asking(number) {
            Ok(Some(asked)) => asked,
            Ok(None) => return,
            Err(error) => return self.refuse(number, &error),
        };
        let (ask, nonce) = asked;
        let identify = ask.identify.clone();
        let answer = match self.world.network(NetworkOp::Identify(Box::new(ask)), nonce.clone()).await {
            Ok(Reply::Attached(attached)) => Ok(*attached),
            Ok(_) => Err(MoltnetError::internal("the network's object answered something else")),
            Err(error) => Err(error),
        };
        let claimed = matches!(&answer, Ok(attached) if attached.registration.agent_token.is_some());
        // What failed may have been done all the same.
        let unsure = matches!(&answer, Err(error) if error.status >= 500);
        if !claimed && !unsure {
            self.forget_claim(&nonce);
        }
        let early = self.early(number);
        let ready = answer.and_then(|attached| self.ready(number, &identify.cursor, attached, &nonce));
        match ready {
            Ok(()) => {
                for text in early {
                    self.said(number, Incoming::Text(&text));
                }
            }
            Err(error) => self.refuse(number, &error),
        }
        if claimed || unsure {
            // In case that nobody is there any more.
            self.world.wake(self.world.now());
        }
    }

    /// What the directory is asked about an attachment; notes a claim that may follow from it.
    fn asking(&self, number: u64) -> Outcome<Option<(Identifying, String)>> {
        let peers = self.peers()?;
        let Some(attachment) = peers.attachments.get(&number) else { return Ok(None) };
        let Phase::Asking(asking) = &attachment.phase else { return Ok(None) };
        let Asking { identify, nonce, .. } = &**asking;
        let admitted = attachment.admitted.clone();
        if admitted.identity.starts_with("addr:") && self.settings.mode() != Mode::None {
            self.sql.run(
                "INSERT OR IGNORE INTO claim (nonce, agent) VALUES (?1, ?2)",
                &[nonce.as_str().into(), identify.agent.as_str().into()],
            )?;
        }
        Ok(Some((Identifying { admitted, identify: identify.clone() }, nonce.clone())))
    }

    fn early(&self, number: u64) -> Vec<String> {
        let Ok(mut peers) = self.peers() else { return Vec::new() };
        match peers.attachments.get_mut(&number).map(|attachment| &mut attachment.phase) {
            Some(Phase::Asking(asking)) => std::mem::take(&mut asking.early),
            _ => Vec::new(),
        }
    }

    /// Says `READY`, and sends what the agent missed up to now.
    fn ready(&self, number: u64, cursor: &str, attached: Attached, nonce: &str) -> Outcome<()> {
        let Attached { registration, audience, credential, ends } = attached;
        let agent = registration.agent_id.clone();
        self.may_be_attached(number, &agent, credential.as_deref())?;
        let name = registration.display_name.clone();
        let mut admitted = {
            let peers = self.peers()?;
            let Some(attachment) = peers.attachments.get(&number) else { return Ok(()) };
            Admitted { audience, ends, ..attachment.admitted.clone() }
        };
        if registration.agent_token.is_some() {
            // From now on it is the agent itself.
            admitted.identity = format!("agent:{}", registration.actor_uid);
        }
        if self.has_ended(&admitted)? {
            return Err(MoltnetError::unauthorized("invalid token"));
        }
        self.connected(&agent, &name)?;
        let start = self.start("", frame::cut(cursor))?;
        {
            let mut peers = self.peers()?;
            let reader = peers.reader(&self.settings.id, &admitted.audience);
            let Some(attachment) = peers.attachments.get_mut(&number) else { return Ok(()) };
            let Phase::Asking(asking) = &attachment.phase else { return Ok(()) };
            let wishes = asking.identify.capabilities;
            let claim = if registration.agent_token.is_some() { nonce } else { "" };
            let kept = KeptLive {
                agent: agent.clone(),
                name,
                credential,
                claim: claim.to_owned(),
                per_frame: wishes.events_per_frame.max(1),
                at: start.after,
                ..KeptLive::default()
            };
            let mut live = Live::new(kept, Rc::clone(&reader));
            live.gap = start.gap;
            live.told = self.state()?.log.span.newest;
            if wishes.missed_mentions {
                live.missed = self.missed(&agent, start.after)?.into();
            }
            attachment.socket.say(&frame::ready(&frame::Ready {
                network_id: &registration.network_id,
                agent_id: &agent,
                actor_uid: &registration.actor_uid,
                actor_uri: &registration.actor_uri,
                agent_token: registration.agent_token.as_deref(),
            }));
            attachment.admitted = admitted;
            attachment.phase = Phase::Live(Box::new(live));
            let mut state = self.state()?;
            self.feed(attachment, &mut state, &mut Round::default())?;
            attachment.save();
            if matches!(&attachment.phase, Phase::Live(live) if live.slow) {
                self.flush_later(&self.looks, super::fanout::LOOK);
            }
        }
        self.beat_soon(ends)
    }

    /// Whether an agent may have one more attachment, made with this credential.
    fn may_be_attached(&self, number: u64, agent: &str, credential: Option<&str>) -> Outcome<()> {
        let peers = self.peers()?;
        let others = peers
            .attachments
            .iter()
            .filter(|(other, attachment)| **other != number && attachment.is_of(agent));
        let mut count = 0;
        for (_, other) in others {
            let Phase::Live(live) = &other.phase else { continue };
            count += 1;
            let told = quote(agent);
            match (credential, live.kept.credential.as_deref()) {
                (Some(own), Some(first)) if own == first => {}
                (Some(_), Some(_)) => {
                    return Err(MoltnetError::conflict(format!(
                        "agent {told} is already attached with different credentials"
                    )));
                }
                _ => {
                    return Err(MoltnetError::conflict(format!(
                        "agent {told} already has an active attachment; attach with an actor credential to reconnect"
                    )));
                }
            }
        }
        let most = self.settings.streams_per_identity;
        if count >= most {
            return Err(MoltnetError::conflict(format!(
                "agent {} already has {most} attachments; close one",
                quote(agent)
            )));
        }
        Ok(())
    }

    fn refuse(&self, number: u64, error: &MoltnetError) {
        if error.status >= 500 {
            self.world.fault(error);
        }
        self.end(number, &End::refused(error.public_message()));
    }

    /// Something was heard after `READY`, or the directory made no claim: there is nothing to undo.
    pub(super) fn forget_claim(&self, nonce: &str) {
        if let Err(error) = self.sql.run("DELETE FROM claim WHERE nonce = ?1", &[nonce.into()]) {
            self.world.fault(&error.into());
        }
    }

    /// Undoes claims that nobody has answered and nobody can any more.
    pub async fn undo_claims(&self) {
        let lost = match self.lost_claims() {
            Ok(lost) => lost,
            Err(error) => return self.world.fault(&error),
        };
        for claim in lost {
            let nonce = claim.nonce.clone();
            match self.world.network(NetworkOp::Unclaim(claim), String::new()).await {
                Ok(_) => self.forget_claim(&nonce),
                Err(error) => {
                    self.world.fault(&error);
                    return self.world.wake(self.world.now() + super::RETRY);
                }
            }
        }
    }

    fn lost_claims(&self) -> Outcome<Vec<Unanswered>> {
        let rows = self.sql.run("SELECT nonce, agent FROM claim LIMIT ?1", &[UNDONE.into()])?;
        let peers = self.peers()?;
        let held = |nonce: &str| {
            peers.attachments.values().any(|attachment| match &attachment.phase {
                Phase::Hello(_) => false,
                Phase::Asking(asking) => asking.nonce == nonce,
                Phase::Live(live) => live.kept.claim == nonce,
            })
        };
        let lost = rows.iter().filter(|row| !held(column(row, 0).text()));
        let text = |row: &[crate::sql::Value], at| column(row, at).text().to_owned();
        Ok(lost.map(|row| Unanswered { nonce: text(row, 0), agent: text(row, 1) }).collect())
    }

    /// A nonce for a claim.
    pub(super) fn nonce(&self) -> String {
        self.world.random().map(|bits| hex(&bits.to_be_bytes())).unwrap_or_default()
    }
}
