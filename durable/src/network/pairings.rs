//! Pairings: listed for readers, kept by the operator. The token of another network is sealed: no route shows it.

use super::window::Collection;
use super::{document, Network, World};
use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::pairing::{NewPairing, Pairing, MAX_PAIRINGS};
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::object::network::Reply;
use moltghost_protocol::seal::{self, Place};

const SELECT: &str =
    "SELECT id, remote_network_id, remote_network_name, remote_base_url, status FROM pairing";

fn read(row: &[Value]) -> Pairing {
    let text = |at| column(row, at).text().to_owned();
    Pairing {
        id: text(0),
        remote_network_id: text(1),
        remote_network_name: text(2),
        remote_base_url: text(3),
        status: text(4),
    }
}

fn unknown(id: &str) -> MoltnetError {
    MoltnetError::not_found(format!("unknown pairing {}", quote(id)))
}

impl<S: Sql, W: World> Network<S, W> {
    pub(super) fn pairings(&self, request: &PageRequest) -> Outcome<Reply> {
        let collection = Collection { select: SELECT, condition: "1", parameters: vec![], id: "id" };
        let rows = collection.read(&self.sql, request)?;
        let items = rows.found.iter().map(|row| serde_json::to_string(&read(row)).unwrap_or_default());
        let items = items.collect();
        Ok(Reply::Document { status: 200, body: rows.write("pairings", request, items) })
    }

    /// What a paired network says of itself. Networks do not call each other here, so none is reached: to a client, a
    /// pairing whose other side does not answer.
    pub(super) fn pairing(&self, id: &str) -> Outcome<Reply> {
        if self.sql.run("SELECT 1 FROM pairing WHERE id = ?1", &[id.into()])?.is_empty() {
            return Err(unknown(id));
        }
        Err(MoltnetError::new(502, "networks cannot be called through pairings"))
    }

    /// Every pairing.
    pub(super) fn paired(&self) -> Outcome<Vec<Pairing>> {
        let rows = self.sql.run(&format!("{SELECT} ORDER BY id"), &[])?;
        Ok(rows.iter().map(|row| read(row)).collect())
    }

    pub(super) fn put_pairing(&self, new: &NewPairing) -> Outcome<Reply> {
        new.check(self.home())?;
        let id = new.id.trim();
        let remote = new.remote_network_id.trim();
        let paired = self.paired()?;
        if paired.iter().any(|known| known.id != id && known.remote_network_id == remote) {
            return Err(MoltnetError::conflict(format!("network {} is paired already", quote(remote))));
        }
        let count = i64::try_from(paired.len()).unwrap_or(i64::MAX);
        if count >= MAX_PAIRINGS && !paired.iter().any(|known| known.id == id) {
            return Err(MoltnetError::invalid(format!("a network has {MAX_PAIRINGS} pairings or fewer")));
        }
        let token = if new.token.is_empty() { None } else { Some(self.sealed(id, &new.token)?) };
        self.sql.run(
            "INSERT INTO pairing (id, remote_network_id, remote_network_name, remote_base_url, status, token)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET remote_network_id = excluded.remote_network_id,
             remote_network_name = excluded.remote_network_name, remote_base_url = excluded.remote_base_url,
             status = excluded.status, token = coalesce(excluded.token, token)",
            &[
                id.into(),
                remote.into(),
                new.remote_network_name.trim().into(),
                new.remote_base_url.trim().into(),
                new.status.trim().into(),
                token.into(),
            ],
        )?;
        self.aliases_changed()?;
        let shown = self.paired()?.into_iter().find(|known| known.id == id);
        document(
            201,
            &shown.ok_or_else(|| MoltnetError::internal("a pairing is not there after it was written"))?,
        )
    }

    pub(super) fn remove_pairing(&self, id: &str) -> Outcome<Reply> {
        let id = id.trim();
        let shown = self.paired()?.into_iter().find(|known| known.id == id).ok_or_else(|| unknown(id))?;
        self.sql.run("DELETE FROM pairing WHERE id = ?1", &[id.into()])?;
        self.aliases_changed()?;
        document(200, &shown)
    }

    /// Rooms know pairings by name, so every room has to learn of them.
    fn aliases_changed(&self) -> Outcome<()> {
        self.sql.run(
            "UPDATE room SET version = version + 1, quiet = synced = version OR quiet WHERE removed IS NULL",
            &[],
        )?;
        self.changed();
        Ok(())
    }

    fn sealed(&self, id: &str, token: &str) -> Outcome<String> {
        let object = format!("net:{}:{id}", self.home());
        let place = Place { object: &object, field: "pairing.token" };
        let random = self.world.random()?.to_be_bytes();
        let nonce: [u8; 12] = random
            .get(..12)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| MoltnetError::internal("too few random bytes"))?;
        seal::seal(&self.pepper, place, token, nonce)
            .ok_or_else(|| MoltnetError::internal("a pairing's token cannot be sealed"))
    }
}
