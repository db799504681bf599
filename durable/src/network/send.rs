//! Whether a message may be sent, and to which object. Everything but the room's own write policy and repeats is
//! decided here; threads and direct conversations that are new are bound here, before anything is acknowledged.

use super::leases::Lent;
use super::rates::{Rate, MINUTE};
use super::rooms::Row;
use super::{Asker, Network, World};
use crate::sql::Sql;
use moltghost_protocol::moltnet::claims::caller;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::mention::NetworkAlias;
use moltghost_protocol::moltnet::message::SendRequest;
use moltghost_protocol::moltnet::policy::{may_say, may_write};
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::{id, member, sender};
use moltghost_protocol::name::{Conversation, ConversationKind};
use moltghost_protocol::object::network::{LeaseAsk, Reply, Ticket};
use moltghost_protocol::object::room::{Open, State};

impl<S: Sql, W: World> Network<S, W> {
    /// Lets a message through, with the lease that its room may have.
    pub(super) fn send(
        &self,
        asker: &Asker,
        request: SendRequest,
        lease: Option<LeaseAsk>,
    ) -> Outcome<Reply> {
        let claims = asker.claims.as_ref();
        let caller = caller(self.settings.mode(), claims);
        let who = if claims.is_some() { &caller.principal } else { &asker.client };
        let limit = self.limits()?.posts_per_minute;
        let rate = Rate { name: "posts_per_minute", limit, window: MINUTE };
        self.count(&rate, who)?;
        if request.target.kind.trim() == "dm" {
            self.dms_are_on()?;
        }
        if request.from.kind == "human" && !self.settings.human_ingress {
            return Err(MoltnetError::forbidden("human ingress is disabled for this network"));
        }
        sender::check(&self.settings, claims, &request, |agent| {
            Ok(self.agent_row(agent)?.map(|row| row.credential))
        })?;
        request.check().map_err(MoltnetError::invalid)?;
        let (now, random) = (self.world.now(), self.world.random()?);
        let origin = request.origin.network_id.trim();
        let at_home = origin.is_empty() || origin == self.home();
        let mut message = request.normalised(self.home(), || id::mint("msg", now, random));
        let name = self.name_sender(&mut message)?;
        let (conversation, open) = match message.target.kind.as_str() {
            "dm" => self.bind_dm(&caller, &message)?,
            kind => {
                let row = self.existing_room(&message.target.room_id)?;
                if kind == "thread" {
                    self.bind_thread(&caller, &message, &row)?;
                }
                let open = (row.synced < row.version).then(|| self.opened(&row)).transpose()?;
                (self.conversation(ConversationKind::Room, &row.room.id), open.map(Box::new))
            }
        };
        // A room that lacks something learns it from the ticket, and decides nothing alone until it knows.
        let lease = match lease.filter(|_| open.is_none() && at_home && (claims.is_some() || !asker.known)) {
            Some(ask) => {
                self.lease(&rate, who, &message.target.room_id, Lent { ask, caller: &caller, name })?
            }
            None => None,
        };
        Ok(Reply::Ticket(Box::new(Ticket {
            conversation,
            open,
            caller,
            message,
            lease: lease.map(Box::new),
        })))
    }

    /// The registered name of an agent wins over what the message says (rulings #28). Answers that name.
    fn name_sender(&self, message: &mut SendRequest) -> Outcome<Option<String>> {
        let (agent, local) = sender::identity(self.home(), &message.from);
        if local && message.from.kind.trim() != "human" {
            if let Some(row) = self.agent_row(&agent)?.filter(|row| !row.name.is_empty()) {
                message.from.name.clone_from(&row.name);
                return Ok(Some(row.name));
            }
        }
        Ok(None)
    }

    /// Binds a thread to its room, once. Only for who may write there: else anybody could take ids away.
    fn bind_thread(
        &self,
        caller: &moltghost_protocol::moltnet::access::Caller,
        message: &SendRequest,
        row: &Row,
    ) -> Outcome<()> {
        let thread = &message.target.thread_id;
        match self.thread_room(thread)? {
            Some(room) if room == row.room.id => Ok(()),
            Some(_) => {
                Err(MoltnetError::invalid(format!("thread {} belongs to another room", quote(thread))))
            }
            None => {
                may_write(
                    caller,
                    self.home(),
                    &row.room.id,
                    row.room.write_policy,
                    &row.room.members,
                    &message.from,
                )?;
                self.sql.run(
                    "INSERT INTO thread (id, room) VALUES (?1, ?2)",
                    &[thread.as_str().into(), row.room.id.as_str().into()],
                )?;
                Ok(())
            }
        }
    }

    /// Binds a direct conversation, and notes who takes part from this message on: who may not write there joins
    /// nobody, himself least of all.
    fn bind_dm(
        &self,
        caller: &moltghost_protocol::moltnet::access::Caller,
        message: &SendRequest,
    ) -> Outcome<(Conversation, Option<Box<Open>>)> {
        let id = &message.target.dm_id;
        let (home, from) = (self.home(), &message.from);
        let known = self.participants(id)?;
        let before = known.as_deref().unwrap_or_default();
        if known.is_some() {
            may_say(caller, home, id, before, from)?;
        }
        let sender = from.participant(home);
        let named = before.iter().chain(&message.target.participant_ids).chain(std::iter::once(&sender));
        let mut all = member::unique(&named.cloned().collect::<Vec<_>>());
        all.sort_unstable();
        let joined: Vec<String> = all.iter().filter(|one| !before.contains(one)).cloned().collect();
        if !joined.is_empty() && all.len() <= id::MAX_MEMBERS {
            self.write_dm(id, &all, &joined)?;
        }
        let conversation = self.conversation(ConversationKind::Dm, id);
        let open = Open {
            conversation: conversation.clone(),
            created_at: self.world.now(),
            state: State { version: 1, aliases: self.aliases()?, ..State::default() },
        };
        Ok((conversation, Some(Box::new(open))))
    }

    /// A room as its own object is told of it.
    pub(super) fn opened(&self, row: &Row) -> Outcome<Open> {
        Ok(Open {
            conversation: self.conversation(ConversationKind::Room, &row.room.id),
            created_at: row.created,
            state: State {
                version: row.version,
                name: row.room.name.clone(),
                members: row.room.members.clone(),
                visibility: row.room.visibility,
                write_policy: row.room.write_policy,
                quiet: row.quiet,
                aliases: self.aliases()?,
            },
        })
    }

    /// Other names of this network, and those of its pairings.
    fn aliases(&self) -> Outcome<Vec<NetworkAlias>> {
        let alias = |alias: &str, network: &str| NetworkAlias {
            alias: alias.to_owned(),
            network: network.to_owned(),
        };
        let mut aliases = vec![alias(&self.settings.name, self.home())];
        for pairing in self.paired()? {
            for name in [&pairing.id, &pairing.remote_network_id, &pairing.remote_network_name] {
                if !name.is_empty()
                    && !aliases
                        .iter()
                        .any(|known| known.alias == *name && known.network == pairing.remote_network_id)
                {
                    aliases.push(alias(name, &pairing.remote_network_id));
                }
            }
        }
        Ok(aliases)
    }
}
