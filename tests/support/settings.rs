//! The context of a worker as the daemon makes it: from settings.
//! Not here: which settings.

use bwp_sync::api::Client;
use bwp_sync::settings::Settings;
use bwp_sync::worker::{Context, Pacing};

/// Reads settings.
pub(crate) fn load(text: &str) -> Settings {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, text).expect("the settings can be written");
    Settings::load(&[file]).expect("the settings are good")
}

/// The context of a worker with these settings, but for its pace.
pub(crate) fn context(settings: &Settings, pacing: Pacing) -> Context<Client> {
    Context::new(
        Client::new(settings.api()).expect("a client can be made"),
        settings.conventions(),
        settings.limits(),
        settings.timing(),
        pacing,
        settings.max_message_bytes(),
    )
}
