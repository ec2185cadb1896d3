//! The only place where time is read.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// How far the machine's clock may run ahead of what has gone by.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// Where the time comes from: the machine in production, a hand in tests.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// By how much the machine's clock is ahead of the time that is gone by, where it jumped and is not followed.
    fn jumped(&self) -> Option<SignedDuration> {
        None
    }
}

/// The machine's clock, which is not followed when it jumps ahead.
///
/// A soak is over when its time has gone by, and a wrong clock must not say so (promise 11). So the time never runs
/// ahead of what has gone by since the start, by the clock that counts while the machine sleeps too and that nobody
/// sets. A jump back is followed at once. After a restart the machine's clock is believed again.
pub struct SystemClock(Mutex<Known>);

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
struct Known {
    wall: Timestamp,
    counted: Duration,
}

impl SystemClock {
    /// The machine's clock as it stands now.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(Known { wall: Timestamp::now(), counted: counted() }))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.time(Timestamp::now(), counted())
    }

    fn jumped(&self) -> Option<SignedDuration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = Timestamp::now();
        Some(wall.duration_since(known.due(counted()))).filter(|ahead| *ahead > TOLERANCE)
    }
}

impl Known {
    /// The time that it is by what has gone by.
    fn due(&self, counted: Duration) -> Timestamp {
        let gone = counted.saturating_sub(self.counted);
        let gone = SignedDuration::try_from(gone).unwrap_or(SignedDuration::MAX);
        self.wall.checked_add(gone).unwrap_or(Timestamp::MAX)
    }

    /// The time to go by, when the machine's clock says `wall`.
    fn time(&mut self, wall: Timestamp, counted: Duration) -> Timestamp {
        let due = self.due(counted);
        if due.duration_since(wall) > TOLERANCE {
            *self = Self { wall, counted };
        }
        if wall.duration_since(due) > TOLERANCE { due } else { wall }
    }
}

/// What a clock that nobody sets has counted.
fn counted() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_jump_ahead_is_not_followed_and_a_jump_back_is() {
        let mut known = Known { wall: at(0), counted: Duration::from_secs(500) };
        let mut time = |wall: i64, gone: u64| known.time(at(wall), Duration::from_secs(500 + gone));
        assert_eq!(time(10, 10), at(10));
        assert_eq!(time(75, 20), at(75), "less than a minute ahead is what clocks are corrected by");
        assert_eq!(time(100_000, 30), at(30), "a day ahead is a jump");
        assert_eq!(time(100_030, 60), at(60), "and time goes on meanwhile");
        assert_eq!(time(70, 70), at(70), "until the clock is right again");
        assert_eq!(time(-5_000, 80), at(-5_000), "back it is believed");
        assert_eq!(time(90, 90), at(-4_990), "and ahead again it is not");
        assert_eq!(time(-4_900, 180), at(-4_900));
    }

    #[test]
    fn the_machines_clock_goes_on() {
        let clock = SystemClock::new();
        let first = clock.now();
        assert!(clock.now() >= first && clock.jumped().is_none());
    }
}
