//! What the network is, and the documents for agents.

use super::{document, Asker, Network, World};
use crate::sql::Sql;
use moltghost_protocol::moltnet::access::{Mode, Scopes};
use moltghost_protocol::moltnet::discovery::{install, llms, skill, Guide, MAX_ROOMS};
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::network::{Network as Described, Warning};
use moltghost_protocol::object::network::{Document, Reply};

impl<S: Sql, W: World> Network<S, W> {
    pub(super) fn describe(&self, asker: &Asker) -> Outcome<Reply> {
        let none = self.settings.mode() == Mode::None;
        let console = none
            || asker
                .claims
                .as_ref()
                .is_some_and(|claims| claims.agent.is_none() && claims.scopes.any(Scopes::WRITE));
        let mut warnings = Vec::new();
        if none && self.settings.allow_unauthenticated {
            warnings.push(Warning::new(
                "error",
                "config.insecure_auth",
                "Everybody may do everything here.",
                "Set AUTH to bearer or open, and take ALLOW_UNAUTHENTICATED away.",
            ));
        }
        if self.behind.get() {
            warnings.push(Warning::new(
                "warning",
                "storage.d1.lag",
                "The directory in D1 is behind: it could not be written.",
                "Check the D1 database and its migrations; it is tried again by itself.",
            ));
        }
        let pairings = self.sql.finds("SELECT 1 FROM pairing LIMIT 1")?;
        let can_send = console && self.settings.human_ingress;
        document(200, &Described::new(&self.settings, pairings, can_send, warnings))
    }

    pub(super) fn document(&self, asker: &Asker, which: Document, base: &str) -> Outcome<Reply> {
        let claims = asker.claims.as_ref();
        let view = self.view(asker);
        let visible = view.all || view.public || !view.members.is_empty();
        let rooms = if visible { self.first_rooms(asker, MAX_ROOMS)? } else { Vec::new() };
        let guide = Guide { settings: &self.settings, base, claims, rooms: &rooms };
        let body = match which {
            Document::Install => install(&guide),
            Document::Skill => skill(&guide, visible),
            Document::Llms => llms(&guide),
        };
        Ok(Reply::Document { status: 200, body })
    }
}
