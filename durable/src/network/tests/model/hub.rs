//! A hub that nobody follows.

use crate::hub::{Hub, World};
use crate::sqlite::Sqlite;
use crate::stream::link::Socket;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::object::network::{NetworkOp, Reply};
use moltghost_protocol::time::Millis;
use std::cell::{Cell, RefCell};

/// The world of a hub that nobody follows.
pub struct Alone(Cell<u128>);

/// No socket: there is none.
#[derive(Clone)]
pub enum Nobody {}

impl Socket for Nobody {
    type Text = ();

    fn text(_: &str) {}

    fn state(&self) -> Option<String> {
        match *self {}
    }

    fn keep(&self, _: &str) {
        match *self {}
    }

    fn number(&self) -> u64 {
        match *self {}
    }

    fn set_number(&self, _: u64) {
        match *self {}
    }

    fn send(&self, (): &()) {
        match *self {}
    }

    fn close(&self, _: u16, _: &str) {
        match *self {}
    }
}

impl World for Alone {
    type Socket = Nobody;

    fn now(&self) -> Millis {
        1_000_000
    }

    fn random(&self) -> Outcome<u128> {
        self.0.set(self.0.get() + 1);
        Ok(self.0.get())
    }

    fn fault(&self, _: &MoltnetError) {}

    fn wake(&self, _: Millis) {}

    fn later(&self, _: Millis) {}

    fn followed(&self, _: Vec<String>) {}

    fn sockets(&self) -> Vec<Nobody> {
        Vec::new()
    }

    async fn network(&self, _: NetworkOp, _: String) -> Outcome<Reply> {
        Err(super::town::lost())
    }
}

/// A hub over its database, with all that it may keep in memory forgotten.
pub fn hub(sql: &Sqlite, settings: Settings) -> RefCell<Hub<Sqlite, Alone>> {
    RefCell::new(Hub::new(sql.clone(), Alone(Cell::new(0)), settings))
}
