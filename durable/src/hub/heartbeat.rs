//! Heartbeats: now and then the alarm sends every attachment a `PING`. Who has answered none of the last ones, or has not
//! said in time who it is, is gone; so is who came with a credential that has expired. Nothing else wakes a hub where
//! nothing happens but the answers.

use super::attachment::{End, Phase};
use super::{Hub, World};
use crate::sql::{column, Sql};
use crate::stream::link::Socket;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::frame;
use moltghost_protocol::moltnet::settings::Heartbeat;
use moltghost_protocol::time::Millis;

/// How attachments are kept alive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beats {
    /// What `HELLO` says, in milliseconds; clients wait twice as long.
    pub advertised: u32,
    /// Time between two `PING`s.
    pub every: Millis,
    /// `PING`s without any answer after which an attachment is gone.
    pub unanswered: u32,
}

impl<S: Sql, W: World> Hub<S, W> {
    /// How attachments are kept alive here.
    pub(super) fn beats(&self) -> Beats {
        match self.settings.heartbeat {
            Heartbeat::Hibernate => Beats { advertised: 60_000, every: 45_000, unanswered: 2 },
            Heartbeat::Fast => Beats { advertised: 5_000, every: 2_500, unanswered: 4 },
        }
    }

    /// An attachment is ready; `ends` is when its credential expires.
    pub(super) fn beat_soon(&self, ends: Option<Millis>) -> Outcome<()> {
        let now = self.world.now();
        let next = self.next_beat()?;
        if next <= now || next > now + self.beats().every {
            self.set_beat(now + self.beats().every)?;
        } else {
            self.world.wake(next);
        }
        if let Some(ends) = ends {
            self.world.wake(ends.max(now));
        }
        Ok(())
    }

    fn next_beat(&self) -> Outcome<Millis> {
        let rows = self.sql.run("SELECT beat FROM stream", &[])?;
        Ok(rows.first().map_or(0, |row| column(row, 0).int()))
    }

    fn set_beat(&self, time: Millis) -> Outcome<()> {
        self.sql.run("UPDATE stream SET beat = ?1", &[time.into()])?;
        self.world.wake(time);
        Ok(())
    }

    /// Does what is due for attachments, and sees to it that the alarm rings for the rest.
    pub(super) fn beat(&self) -> Outcome<()> {
        self.notice_the_lost()?;
        let now = self.world.now();
        let next = self.next_beat()?;
        let due = next <= now;
        let mut gone = Vec::new();
        let (mut any, mut soonest): (bool, Option<Millis>) = (false, None);
        {
            let most = self.beats().unanswered;
            let ping = W::Socket::text(frame::PING);
            let mut peers = self.peers()?;
            for (number, attachment) in &mut peers.attachments {
                let mut wait = |time: Millis| soonest = Some(soonest.map_or(time, |soon| soon.min(time)));
                match &mut attachment.phase {
                    Phase::Hello(until) if *until <= now => gone.push((*number, End::silent())),
                    Phase::Hello(until) => wait(*until),
                    Phase::Asking(_) => {}
                    Phase::Live(live) => {
                        any = true;
                        match attachment.admitted.ends {
                            Some(ends) if ends <= now => {
                                gone.push((*number, End::ended()));
                                continue;
                            }
                            Some(ends) => wait(ends),
                            None => {}
                        }
                        if due && live.kept.unanswered >= most {
                            gone.push((*number, End::silent()));
                        } else if due {
                            live.kept.unanswered += 1;
                            attachment.socket.send(&ping);
                            attachment.moved = true;
                        }
                    }
                }
            }
        }
        for (number, end) in gone {
            self.end(number, &end);
        }
        if any && due {
            self.set_beat(now + self.beats().every)?;
        } else if any {
            self.world.wake(next);
        }
        if let Some(time) = soonest {
            self.world.wake(time);
        }
        self.settle_now();
        Ok(())
    }
}
