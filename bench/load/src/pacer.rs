//! Waiting for a point in time to within some microseconds.
//!
//! The runtime's own timers go by whole milliseconds: at a thousand calls a second that alone would show as half a
//! millisecond of delay. On Linux a timer descriptor wakes us when the time has come; elsewhere the runtime's
//! timer has to do, and the report's `late` shows what that costs.

use crate::error::LoadError;

#[cfg(target_os = "linux")]
mod precise {
    use std::io::ErrorKind;

    use rustix::time::{
        timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags,
        Timespec,
    };
    use tokio::net::unix::pipe::Receiver;

    use super::LoadError;

    /// A timer of one connection. The runtime knows no timer descriptors, but it reads one as it reads a pipe.
    pub struct Pacer(Receiver);

    impl Pacer {
        /// A timer that is not set.
        pub fn new() -> Result<Self, LoadError> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(std::io::Error::from)?;
            Ok(Self(Receiver::from_owned_fd_unchecked(timer)?))
        }

        /// Returns at `due`, a time of the shared clock, or as soon after as the system lets us run.
        pub async fn until(&mut self, due: u64) {
            let timer = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: Timespec {
                    tv_sec: i64::try_from(due / 1_000_000_000).unwrap_or(i64::MAX),
                    tv_nsec: (due % 1_000_000_000).try_into().unwrap_or(0),
                },
            };
            let mut count = [0; 8];
            if timerfd_settime(&self.0, TimerfdTimerFlags::ABSTIME, &timer).is_err() {
                return;
            }
            // Readiness may be left over from the time before: only a count that was read ends the wait.
            while self.0.readable().await.is_ok() {
                match self.0.try_read(&mut count) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    _ => return,
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod precise {
    use std::time::Duration;

    use super::LoadError;
    use crate::clock;

    /// A timer of one connection.
    pub struct Pacer;

    impl Pacer {
        /// A timer that is not set.
        #[allow(clippy::unnecessary_wraps)]
        pub fn new() -> Result<Self, LoadError> {
            Ok(Self)
        }

        /// Returns at `due`, a time of the shared clock, or within a millisecond after.
        pub async fn until(&mut self, due: u64) {
            tokio::time::sleep(Duration::from_nanos(due.saturating_sub(clock::nanoseconds()))).await;
        }
    }
}

pub use precise::Pacer;
