//! The process in which mappings run: a child of the same binary, fed over pipes, which may end without harm.
//!
//! Not here: jq programs themselves (`mapping`), what becomes of a mapped message (`worker`).

mod child;
mod definition;
mod frame;
mod limits;
mod process;
mod stage;

pub use child::serve_parent;
pub use definition::{Mapping, own_program};
pub use process::{CannotStart, Foreign, Mapper};
pub use stage::stage;
