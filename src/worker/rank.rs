//! Which of an order's messages came first, where that can be told for certain.
//!
//! Not here: what follows from it.

use jiff::Timestamp;

use crate::ports::Inbound;

/// A message's place in time, by two witnesses: the broker, and the shop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rank {
    /// When the broker gave it to a worker first.
    taken: Timestamp,
    /// When it happened, by the message itself.
    happened: Timestamp,
}

impl Rank {
    /// The rank of a message that says when it happened. With several workers nobody knows what the others were given.
    pub fn of(inbound: &Inbound, happened: Option<Timestamp>) -> Option<Self> {
        let taken = inbound.alone_since.and(inbound.history.first_taken_at)?;
        Some(Self { taken, happened: happened? })
    }

    /// Whether this one came after the other. The broker's word is not enough: it may have given messages to a consumer of
    /// whose end it did not know yet.
    pub fn is_after(self, other: Self) -> bool {
        self.taken > other.taken && self.happened > other.happened
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::ports::History;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn it_takes_both_witnesses() {
        let rank = |taken, happened| Rank { taken: at(taken), happened: at(happened) };
        assert!(rank(2, 2).is_after(rank(1, 1)));
        assert!(!rank(2, 1).is_after(rank(1, 1)), "the shop does not say");
        assert!(!rank(2, 1).is_after(rank(1, 2)), "they contradict each other");
        assert!(!rank(1, 2).is_after(rank(1, 1)));
    }

    #[test]
    fn where_others_may_have_taken_messages_there_are_no_ranks() {
        let history = History { first_taken_at: Some(at(1)), ..History::default() };
        let alone = Inbound { alone_since: Some(Instant::now()), history, ..Inbound::default() };
        assert!(Rank::of(&alone, Some(at(1))).is_some());
        assert_eq!(Rank::of(&alone, None), None);
        assert_eq!(Rank::of(&Inbound { alone_since: None, ..alone.clone() }, Some(at(1))), None);
        assert_eq!(Rank::of(&Inbound { history: History::default(), ..alone }, Some(at(1))), None);
    }
}
