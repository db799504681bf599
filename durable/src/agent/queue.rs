//! Calls that wait for one of the agent's slots: in memory alone, in turn by key (agent-endpoints §5).
//!
//! A call that waits has an open request; if the object goes, the runtime tells the Worker, which asks again. So
//! nothing here needs to be stored.

use moltghost_protocol::id::KeyId;
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;
use std::collections::VecDeque;

/// A call that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiter {
    pub run: RunId,
    pub key: KeyId,
    /// Tokens that it reserves.
    pub reserve: u64,
    /// Wall time from admission, in milliseconds.
    pub timeout_ms: u64,
    pub since: Millis,
    /// When it has waited long enough.
    pub until: Millis,
}

/// The calls of each key in the order they came; keys take turns.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lanes: VecDeque<VecDeque<Waiter>>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(super) fn holds(&self, run: &RunId) -> bool {
        self.lanes.iter().flatten().any(|waiter| waiter.run == *run)
    }

    fn lane_of(&self, key: &KeyId) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.front().is_some_and(|waiter| waiter.key == *key))
    }

    pub(super) fn push(&mut self, waiter: Waiter) {
        match self.lane_of(&waiter.key).and_then(|at| self.lanes.get_mut(at)) {
            Some(lane) => lane.push_back(waiter),
            None => self.lanes.push_back(VecDeque::from([waiter])),
        }
    }

    /// The next one, whose key then waits for the other keys' turns.
    pub(super) fn next(&mut self) -> Option<Waiter> {
        let mut lane = self.lanes.pop_front()?;
        let waiter = lane.pop_front();
        if !lane.is_empty() {
            self.lanes.push_back(lane);
        }
        waiter
    }

    /// Makes room for a call of `key` in a full queue: the last call of the key that has the most goes, if that key
    /// still has no fewer than this one then.
    pub(super) fn displace(&mut self, key: &KeyId) -> Option<Waiter> {
        let own = self.lane_of(key).and_then(|at| self.lanes.get(at)).map_or(0, VecDeque::len);
        let longest = self.lanes.iter_mut().max_by_key(|lane| lane.len())?;
        if longest.len() >= own + 2 {
            longest.pop_back()
        } else {
            None
        }
    }

    /// Takes out every call that `leaves`.
    pub(super) fn take(&mut self, leaves: impl Fn(&Waiter) -> bool) -> Vec<Waiter> {
        let mut taken = Vec::new();
        for lane in &mut self.lanes {
            lane.retain(|waiter| {
                let stays = !leaves(waiter);
                if !stays {
                    taken.push(waiter.clone());
                }
                stays
            });
        }
        self.lanes.retain(|lane| !lane.is_empty());
        taken
    }

    /// When the first of them has waited long enough.
    pub(super) fn next_end(&self) -> Option<Millis> {
        self.lanes.iter().flatten().map(|waiter| waiter.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moltghost_protocol::id::AgentId;

    fn waiter(key: u128, run: u128) -> Waiter {
        let key = KeyId::mint(&AgentId::mint(1), key);
        let until = Millis::try_from(run).unwrap();
        Waiter { run: RunId::mint(0, run), key, reserve: 0, timeout_ms: 1, since: 0, until }
    }

    fn queue(of: &[(u128, u128)]) -> Queue {
        let mut queue = Queue::default();
        for (key, run) in of {
            queue.push(waiter(*key, *run));
        }
        queue
    }

    #[test]
    fn keys_take_turns_and_calls_of_a_key_keep_their_order() {
        let mut queue = queue(&[(1, 1), (1, 2), (1, 3), (2, 4), (3, 5), (2, 6)]);
        assert_eq!((queue.len(), queue.next_end()), (6, Some(1)));
        let order: Vec<Millis> = std::iter::from_fn(|| queue.next()).map(|waiter| waiter.until).collect();
        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_key_that_fills_the_queue_makes_room_for_others_and_not_for_itself() {
        let mut queue = queue(&[(1, 1), (1, 2), (1, 3), (2, 4)]);
        assert_eq!(queue.displace(&waiter(1, 0).key), None);
        assert_eq!(queue.displace(&waiter(3, 0).key), Some(waiter(1, 3)));
        assert_eq!(queue.displace(&waiter(2, 0).key), None);
        assert_eq!(queue.displace(&waiter(3, 0).key), Some(waiter(1, 2)));
        assert_eq!(queue.displace(&waiter(3, 0).key), None);
    }

    #[test]
    fn who_leaves_is_not_waited_for() {
        let mut queue = queue(&[(1, 1), (1, 2), (2, 3)]);
        assert_eq!(queue.take(|waiter| waiter.until != 2), [waiter(1, 1), waiter(2, 3)]);
        assert!(queue.holds(&RunId::mint(0, 2)) && !queue.holds(&RunId::mint(0, 1)));
        assert_eq!(queue.next(), Some(waiter(1, 2)));
        assert_eq!(queue.next(), None);
    }
}
