//! The page on which operators look at dead letters and work with them: a face for the room `dead_letters`.
//!
//! Not here: what a replay, an edit or a discard does; AMQP; calls of the API.
//!
//! Plain forms and one style sheet, no script. `access` says who may come in, `look` has the letters of the last pass,
//! `bodies` the bodies that were asked for, `plans` and `running` the work. Files ending in `_page` write the pages.

mod access;
mod app;
mod bodies;
mod chart;
mod edit_page;
mod export;
mod form;
mod history_page;
mod home_page;
mod layout;
mod letter_page;
mod list_page;
mod login_page;
mod look;
mod orders;
mod origin;
mod plan_page;
mod plans;
mod query;
mod router;
mod run_page;
mod running;
mod words;

pub use access::{Access, AccessError, Gate};
pub use app::{App, Settings};
pub use orders::Orders;
pub use origin::Origin;
pub use router::serve;
