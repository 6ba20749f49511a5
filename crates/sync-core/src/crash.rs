//! Named points at which a test can kill the process, to prove that a run may die anywhere.
//!
//! Without the feature `failpoints` both functions do nothing. With it,
//! `FAILPOINTS='before-commit=3*off->return'` kills the process at the fourth pass of `point("before-commit")`.

/// Reads `FAILPOINTS`; called once, at the start of `main`.
///
/// Panics when the variable is malformed: it is only ever set by tests.
pub fn setup() {
    #[cfg(feature = "failpoints")]
    // Dropping the scenario would clear the points again.
    std::mem::forget(fail::FailScenario::setup());
}

/// Passes the point `name`; kills the process with SIGKILL when `FAILPOINTS` says so.
///
/// Other actions of `fail` work as well: `sleep(MILLISECONDS)`, `pause`, `print(TEXT)`.
#[cfg_attr(not(feature = "failpoints"), inline(always))]
pub fn point(name: &str) {
    #[cfg(feature = "failpoints")]
    if fail::eval(name, |_| ()).is_some() {
        // SIGKILL cannot be caught: nothing is flushed and no destructor runs, as when the power goes.
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
    }
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_point_without_an_action_is_passed() {
        super::point("no-such-point");
    }

    #[cfg(feature = "failpoints")]
    #[test]
    fn an_action_counts_its_passes() {
        fail::cfg("counted", "3*off->return").unwrap();
        let killed: Vec<bool> = (0..4).map(|_| fail::eval("counted", |_| ()).is_some()).collect();
        assert_eq!(killed, [false, false, false, true]);
    }
}
