//! How our columns come together again, after a person has moved, inserted or deleted columns among them.

/// A change of a tab's columns; what points at them follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A column of ours, found further to the right, comes back.
    Move { from: u64, to: u64 },
    /// A column of ours is gone: there is room for it again.
    Insert { at: u64 },
}

/// The steps from the header that was found to one that begins with the columns that are wanted; all others end up right
/// of them, in their order.
pub(super) fn steps(found: &[String], wanted: &[&str]) -> Vec<Step> {
    let mut there: Vec<&str> = found.iter().map(String::as_str).collect();
    let mut steps = Vec::new();
    for (to, name) in wanted.iter().enumerate() {
        let from = (to..there.len()).find(|n| there[*n] == *name);
        match from {
            Some(from) if from == to => continue,
            Some(from) => {
                there.remove(from);
                steps.push(Step::Move { from: from as u64, to: to as u64 });
            }
            None => steps.push(Step::Insert { at: to as u64 }),
        }
        there.insert(to.min(there.len()), name);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_come_first_again() {
        let steps = |found: &str, wanted: &str| {
            let found: Vec<String> = found.split(' ').map(str::to_owned).collect();
            super::steps(&found, &wanted.split(' ').collect::<Vec<_>>())
        };
        assert_eq!(steps("a b c mine", "a b c"), []);
        assert_eq!(
            steps("a mine b c", "a b c"),
            [Step::Move { from: 2, to: 1 }, Step::Move { from: 3, to: 2 }]
        );
        assert_eq!(steps("a c mine", "a b c"), [Step::Insert { at: 1 }]);
        assert_eq!(steps("b c", "a b c"), [Step::Insert { at: 0 }]);
        assert_eq!(steps("mine", "a b"), [Step::Insert { at: 0 }, Step::Insert { at: 1 }]);
        assert_eq!(steps("a", "a b"), [Step::Insert { at: 1 }]);
    }
}
