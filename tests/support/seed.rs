//! Random choices that can be made again.
//! Not here: what is chosen.

/// Random choices by the seed in `BWP_TEST_SEED`, else by one of their own, which is printed.
#[expect(clippy::print_stderr, reason = "shown when the test fails, for running it again")]
pub(crate) fn dice() -> fastrand::Rng {
    let seed = std::env::var("BWP_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("BWP_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
