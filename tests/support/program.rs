//! `bwp-sync` as a process, with the settings that every run of it needs.
//! Not here: the settings of a test.

use bwp_sync::simulator::Simulator;

use super::process::Process;

/// Credentials that the simulator takes.
pub(crate) const CREDENTIALS: [(&str, &str); 3] = [
    ("BWP__API__CLIENT_ID", "sim-client"),
    ("BWP__API__CLIENT_SECRET", "sim-secret"),
    ("BWP__API__TARGET_ID", "store-1"),
];

/// Starts `bwp-sync` with these settings over the credentials.
pub(crate) fn bwp_sync(arguments: &[&str], settings: &[(&str, &str)]) -> Process {
    // of two values for one name the later is taken
    let environment = [&CREDENTIALS[..], settings].concat();
    Process::spawn(env!("CARGO_BIN_EXE_bwp-sync"), arguments, &environment)
}

/// Settings by which `bwp-sync` finds a simulator.
pub(crate) fn addresses(simulator: &Simulator) -> [(&'static str, String); 2] {
    [("BWP__API__ENDPOINT", simulator.endpoint()), ("BWP__API__TOKEN_ENDPOINT", simulator.token_endpoint())]
}
