//! The commands, one file each. Each is carried out by `apply(self, &Call, &Ending)`.
//!
//! Not here: which command a message stands for.

mod amend;
mod create;
mod fulfillment;
mod refund;

pub(super) use amend::Amend;
pub(super) use create::Create;
pub(super) use fulfillment::Start;
pub(super) use refund::Refund;
