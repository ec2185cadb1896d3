//! How many wrong tokens an address may send.
//!
//! An address has a number of tries; one comes back after a while. When none is left, a token from there is not
//! looked at and the answer says when to come again. A token that was right from the same address before is still
//! taken: those who work on behind a shared address, such as a proxy that the settings don't name, are not locked
//! out by one among them.
//!
//! Promise: the memory is bounded, whatever addresses come; those that find no room share one account.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// How many addresses are told apart.
const ADDRESSES: usize = 10_000;
/// How many tokens that were right are remembered of an address.
const RIGHT: usize = 16;

/// Wrong tokens by address.
pub(super) struct Budget {
    tries: u32,
    back: Duration,
    accounts: Mutex<HashMap<Option<IpAddr>, Account>>,
}

struct Account {
    /// When all tries will have come back.
    whole_at: Timestamp,
    right: Vec<usize>,
}

impl Budget {
    /// So many tries, of which one comes back after each `back`.
    pub(super) fn new(tries: u32, back: Duration) -> Self {
        Self { tries, back, accounts: Mutex::default() }
    }

    /// How long an address has to wait for its next try; nothing if it has one.
    pub(super) fn wait(&self, address: IpAddr, now: Timestamp) -> Option<Duration> {
        let accounts = self.lock();
        let account = accounts.get(&key(&accounts, address))?;
        // The wait until everything is back, less what would be back with one try left. A clock that is set back
        // makes nobody wait for longer than all tries take.
        let missing = Duration::try_from(account.whole_at.duration_since(now)).unwrap_or_default();
        let missing = missing.min(self.back * self.tries);
        let allowed = self.back * self.tries.saturating_sub(1);
        missing.checked_sub(allowed).filter(|wait| !wait.is_zero())
    }

    /// A wrong token came. Says whether it used up the last try.
    pub(super) fn wrong(&self, address: IpAddr, now: Timestamp) -> bool {
        let mut accounts = self.lock();
        make_room(&mut accounts, now);
        let key = key(&accounts, address);
        let account = accounts.entry(key).or_insert_with(|| Account { whole_at: now, right: Vec::new() });
        account.whole_at = account.whole_at.max(now).checked_add(self.back).unwrap_or(Timestamp::MAX);
        let missing = Duration::try_from(account.whole_at.duration_since(now)).unwrap_or_default();
        missing > self.back * self.tries.saturating_sub(1)
    }

    /// A right token came.
    pub(super) fn right(&self, address: IpAddr, token: usize, now: Timestamp) {
        let mut accounts = self.lock();
        if accounts.get(&Some(address)).is_some_and(|account| account.right.contains(&token)) {
            return;
        }
        make_room(&mut accounts, now);
        if accounts.len() >= ADDRESSES && !accounts.contains_key(&Some(address)) {
            return;
        }
        let account =
            accounts.entry(Some(address)).or_insert_with(|| Account { whole_at: now, right: Vec::new() });
        if account.right.len() >= RIGHT {
            account.right.remove(0);
        }
        account.right.push(token);
    }

    /// Whether this token was right from this address before.
    pub(super) fn knows(&self, address: IpAddr, token: usize) -> bool {
        self.lock().get(&Some(address)).is_some_and(|account| account.right.contains(&token))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<IpAddr>, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The account of an address: its own, or where there is no room for one, that of all the others.
fn key(accounts: &HashMap<Option<IpAddr>, Account>, address: IpAddr) -> Option<IpAddr> {
    (accounts.contains_key(&Some(address)) || accounts.len() < ADDRESSES).then_some(address)
}

/// Drops accounts that have all their tries again; they would begin like new ones.
fn make_room(accounts: &mut HashMap<Option<IpAddr>, Account>, now: Timestamp) {
    if accounts.len() >= ADDRESSES {
        accounts.retain(|_, account| account.whole_at > now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn tries_end_and_come_back_one_by_one() {
        let budget = Budget::new(3, Duration::from_secs(10));
        let one = address(1);
        let used: Vec<bool> = (0..3).map(|_| budget.wrong(one, at(0))).collect();
        assert_eq!(used, [false, false, true]);
        assert_eq!(budget.wait(one, at(0)), Some(Duration::from_secs(10)));
        assert_eq!(budget.wait(one, at(9)), Some(Duration::from_secs(1)));
        assert_eq!(budget.wait(one, at(10)), None);
        assert!(budget.wrong(one, at(10)), "one try had come back");
        assert_eq!(budget.wait(one, at(10)), Some(Duration::from_secs(10)));
        assert_eq!(budget.wait(address(2), at(10)), None, "others have their own");
        assert_eq!(budget.wait(one, at(1000)), None);
        assert_eq!(budget.wait(one, at(-90_000)), Some(Duration::from_secs(10)), "the clock was set back");
    }

    #[test]
    fn a_token_that_was_right_is_known_from_there_alone() {
        let budget = Budget::new(1, Duration::from_secs(10));
        budget.right(address(1), 7, at(0));
        budget.wrong(address(1), at(0));
        assert!(budget.knows(address(1), 7));
        assert!(!budget.knows(address(1), 8) && !budget.knows(address(2), 7));
        (0..100).for_each(|token| budget.right(address(3), token, at(0)));
        assert!(budget.knows(address(3), 99) && !budget.knows(address(3), 0));
    }

    #[test]
    fn the_memory_is_bounded() {
        let budget = Budget::new(1, Duration::from_secs(10));
        let many = u32::try_from(ADDRESSES).unwrap();
        for number in 0..2 * many {
            budget.wrong(address(number), at(0));
        }
        assert!(budget.lock().len() <= ADDRESSES + 1);
        assert!(budget.wait(address(5 * many), at(0)).is_some(), "the others share one account");
        budget.wrong(address(1), at(1_000_000));
        assert!(budget.lock().len() <= 2, "what is whole again is dropped");
    }
}
