//! The mappings of the settings, for letters whose body is foreign.
//!
//! Not here: what a letter's message is.

use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::broker::StoredLetter;
use crate::dead_letters::mapped::{Mappings, Message, NotMapped};
use crate::mapper::{Mapper, own_program};
use crate::settings::Settings;

pub(super) fn mappings(settings: &Settings) -> anyhow::Result<Mappings> {
    Ok(Mappings::of(Mapper::new(own_program()?, settings.mappings().to_vec())))
}

/// The message of a letter, while letters are looked at one after the other.
pub(super) fn message<'l>(mappings: &mut Mappings, letter: &'l StoredLetter) -> Result<Message<'l>, NotMapped> {
    wait(mappings.message(letter))
}

/// Waits for a mapping where a look at letters cannot.
pub(super) fn wait<T>(mapped: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(mapped))
}
