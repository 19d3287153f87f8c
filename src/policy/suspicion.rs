//! Suspicion: when a message may be what ends processes or sessions, and what follows.
//!
//! Not here: panics, which have a budget of their own (`decide`); how handlings are counted.

/// Handlings of a message, alone, that ended with their process, after which it is given up.
const GIVE_UP_AFTER: u32 = 3;
/// Handlings after which it is not even read any more: a message that ends its reader comes to an end by that.
const BURY_AFTER: u32 = 5;
/// Refused publications for a message, each of which costs a session, after which it is given up.
const UNPUBLISHABLE_AFTER: u64 = 3;

/// Treatment of a message by what came of its earlier handlings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Treatment {
    /// Handle it.
    Handle,
    /// Give it up for this reason, unless a read shows its effect.
    GiveUp(String),
    /// Give it up for this reason, unread.
    Bury(String),
}

/// The treatment of a message. `unended` handlings of it, alone, ended with their process; `blames` publications for it
/// were refused.
pub fn treatment(unended: u32, blames: u64) -> Treatment {
    let ended = || format!("{unended} processes ended while it was handled alone");
    match (unended, blames) {
        (BURY_AFTER.., _) => Treatment::Bury(ended()),
        (GIVE_UP_AFTER.., _) => Treatment::GiveUp(ended()),
        (_, UNPUBLISHABLE_AFTER..) => Treatment::GiveUp(format!("the broker refused {blames} publications for it")),
        _ => Treatment::Handle,
    }
}

/// Whether the body may be read of a message of which so many handlings ended with their process.
pub fn may_be_read(unended: u32) -> bool {
    unended < BURY_AFTER
}

/// Whether the broker may be refusing headers or properties of a message: nothing but its body is sent on then.
pub fn is_unpublishable(blames: u64) -> bool {
    blames >= UNPUBLISHABLE_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_handled_given_up_after_a_look_and_at_last_unread() {
        let give_up = |text: &str| Treatment::GiveUp(text.into());
        for (unended, blames, expected) in [
            (0, 0, Treatment::Handle),
            (2, 2, Treatment::Handle),
            (3, 0, give_up("3 processes ended while it was handled alone")),
            (4, 9, give_up("4 processes ended while it was handled alone")),
            (5, 0, Treatment::Bury("5 processes ended while it was handled alone".into())),
            (0, 3, give_up("the broker refused 3 publications for it")),
        ] {
            assert_eq!(treatment(unended, blames), expected);
        }
    }

    #[test]
    fn a_message_is_read_until_it_is_buried_and_sent_on_whole_until_the_broker_has_refused_it_often() {
        assert!(may_be_read(4) && !may_be_read(5));
        assert!(!is_unpublishable(2) && is_unpublishable(3));
    }
}
