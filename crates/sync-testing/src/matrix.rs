//! How much of a large or random test a run does.
#![allow(clippy::print_stdout, reason = "a seed is for people who replay a failure")]

use std::env;

/// The seed of this test run: `SYNC_TEST_SEED`, or one that differs from run to run. Printed when the test fails, as all
/// output is.
pub fn seed() -> u64 {
    let seed = match env::var("SYNC_TEST_SEED") {
        Ok(text) => text.parse().expect("SYNC_TEST_SEED is a number"),
        Err(_) => fastrand::u64(..1_000_000),
    };
    println!("replay with SYNC_TEST_SEED={seed}");
    seed
}

/// `sample`, or `full` when `SYNC_TEST_FULL=1` asks for the whole matrix.
pub fn how_many<N>(sample: N, full: N) -> N {
    if env::var("SYNC_TEST_FULL").is_ok_and(|value| value == "1") { full } else { sample }
}
