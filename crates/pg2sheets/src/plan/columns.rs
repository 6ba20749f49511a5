//! How our columns come together again, after a person has moved, inserted or deleted columns among them.

use crate::mark::Name;

/// A change of a tab's columns; what points at them follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A column of ours, found further to the right, comes back.
    Move { from: u64, to: u64 },
    /// A column of ours is gone: there is room for it again.
    Insert { at: u64 },
}

/// Which columns of a header are ours, of those that we knew in this order; `None` for a person's own.
///
/// In a grid that is as wide as we left it, with all others in their places, a header that is unknown was edited.
pub(super) fn ours(header: &[Name], known: &[Name], is_as_wide: bool) -> Vec<Option<Name>> {
    let mut found = vec![None; header.len()];
    for name in known {
        // Of two the first: what is right of ours may bear the same name.
        if let Some(at) = header.iter().position(|there| there == name) {
            found[at] = Some(*name);
        }
    }
    let is_in_place =
        |(at, there): (usize, &Option<Name>)| there.is_none() || known.get(at) == there.as_ref();
    if is_as_wide && found.iter().enumerate().all(is_in_place) {
        found.resize(found.len().max(known.len()), None);
        for (there, name) in found.iter_mut().zip(known) {
            *there = Some(*name);
        }
    }
    found
}

/// The steps from these columns to an order that begins with those that are wanted; all others end up right of them, in
/// their order.
pub(super) fn steps(found: &[Option<Name>], wanted: &[Name]) -> Vec<Step> {
    let mut there = found.to_vec();
    let mut steps = Vec::new();
    for (to, name) in wanted.iter().enumerate() {
        let from = (to..there.len()).find(|n| there[*n] == Some(*name));
        match from {
            Some(from) if from == to => continue,
            Some(from) => {
                there.remove(from);
                steps.push(Step::Move { from: from as u64, to: to as u64 });
            }
            None => steps.push(Step::Insert { at: to as u64 }),
        }
        there.insert(to.min(there.len()), Some(*name));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::name;

    fn names(text: &str) -> Vec<Name> {
        text.split_whitespace().map(name).collect()
    }

    #[test]
    fn ours_come_first_again() {
        let steps = |found: &str, wanted: &str| {
            let found: Vec<_> = names(found).into_iter().map(Some).collect();
            super::steps(&found, &names(wanted))
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

    #[test]
    fn what_we_have_written_is_ours_and_nothing_else() {
        let check = |header: &str, known: &str, is_as_wide: bool, expected: &str| {
            let expected = expected.split_whitespace().map(|text| (text != "-").then(|| name(text)));
            let found = ours(&names(header), &names(known), is_as_wide);
            assert_eq!(found, expected.collect::<Vec<_>>(), "{header} of {known}");
        };
        check("a mine b secret", "a b secret", false, "a - b secret");
        check("a b a", "a b", false, "a b -");
        check("a b new", "a b", true, "a b -");
        check("a edited c", "a b c", true, "a b c");
        check("a edited c", "a b c", false, "a - c");
        check("a c mine", "a b c", true, "a c -");
        check("a", "a b", true, "a b");
    }
}
