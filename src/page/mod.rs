//! The page on which operators look at dead letters and work with them: a face for the room `dead_letters`.
//!
//! Not here: what a replay, an edit or a discard does; AMQP; calls of the API.
//!
//! Plain forms and one style sheet, no script. `access` says who may come in, and `look` has the letters of the last pass.
//! Bodies that were asked for are in `bodies`. Work begins in `plans` and goes on in `running`. Files ending in `_page`
//! write the pages.

mod access;
mod app;
mod bodies;
mod chart;
mod edit_page;
mod export;
mod form;
mod history_page;
mod home_page;
mod id;
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
mod settings;
mod words;

pub use access::{Access, Gate};
pub use app::App;
pub use orders::Orders;
pub use origin::{AccessError, Origin};
pub use router::serve;
pub use settings::Settings;
