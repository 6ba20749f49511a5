//! How our columns come together again, after a person has moved, inserted or deleted columns among them.

use crate::google::workbook::Tab;
use crate::mark::{Mark, Name, name};
use crate::source::survey;

/// A change of a tab's columns; what points at them follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A column of ours, found further to the right, comes back.
    Move { from: u64, to: u64 },
    /// A column of ours is gone: there is room for it again.
    Insert { at: u64 },
}

/// What a person's changes of the columns take: the steps, and the letters of the columns that are ours then, `?` for one
/// that is inserted, and behind the others `-` for each that is no longer wanted, to be emptied. `None` where all stand as
/// we left them, or are not known.
///
/// # Errors
/// When ours cannot be told from others.
pub(super) fn reunite(tab: &Tab, old: &Mark, new: &Mark) -> Result<Option<(Vec<Step>, String)>, String> {
    let Some(texts) = &tab.header else { return Ok(None) };
    let ours_then = texts.iter().map(String::as_str).take(old.kinds.len());
    if texts.len() >= old.kinds.len() && survey::head(ours_then, &old.kinds) == old.head {
        return Ok(None);
    }
    let mut header: Vec<Name> = texts.iter().map(|text| name(text)).collect();
    header.resize(header.len().max(usize::try_from(tab.grid[1]).unwrap_or_default()), name(""));
    let n_more = tab.grid[1].cast_signed() - old.grid[1].cast_signed();
    let found = ours(&header, &old.names, n_more).map_err(|Ambiguous| {
        "its headers were edited and its columns moved, so that ours cannot be told from others: write each name back into \
         row 1 above its own values, or delete the tab"
            .to_owned()
    })?;
    let mut order = new.names.clone();
    order.extend(found.iter().flatten().filter(|name| !new.names.contains(name)));
    let steps = steps(&found, &order);
    let mut kinds: Vec<char> = new.kinds.chars().collect();
    kinds.resize(order.len(), '-');
    for step in &steps {
        if let Step::Insert { at } = step
            && let Some(kind) = usize::try_from(*at).ok().and_then(|at| kinds.get_mut(at))
        {
            *kind = '?';
        }
    }
    Ok(Some((steps, kinds.into_iter().collect())))
}

/// Where ours cannot be told from a person's.
#[derive(Debug, PartialEq, Eq)]
struct Ambiguous;

/// Which columns of a header are ours, of those that we knew in this order; `None` for a person's own.
///
/// `n_more` is how many columns there are more than we left. Where as many are gone as headers, they were deleted; else a
/// header that is missing was edited, unless its neighbours stand side by side. What could as well be a person's is not
/// guessed.
fn ours(header: &[Name], known: &[Name], n_more: i64) -> Result<Vec<Option<Name>>, Ambiguous> {
    let places = known.iter().enumerate().map(|(n, name)| place(header, n, *name));
    let mut places = places.collect::<Result<Vec<_>, _>>()?;
    let n_missing = places.iter().filter(|place| place.is_none()).count();
    if n_more < 0 && !places.iter().flatten().is_sorted() {
        return Err(Ambiguous);
    }
    if n_more >= 0 || i64::try_from(n_missing).unwrap_or(i64::MAX) != -n_more {
        edited(header, &mut places, n_more)?;
    }
    let mut found = vec![None; header.len()];
    for (name, place) in known.iter().zip(places) {
        if let Some(there) = place.and_then(|at| found.get_mut(at)) {
            *there = Some(*name);
        }
    }
    Ok(found)
}

/// Where the header has our column `n` of this name: of several, the one where we left it.
fn place(header: &[Name], n: usize, name: Name) -> Result<Option<usize>, Ambiguous> {
    if header.get(n) == Some(&name) {
        return Ok(Some(n));
    }
    let mut places = header.iter().enumerate().filter(|(_, there)| **there == name).map(|(at, _)| at);
    match (places.next(), places.next()) {
        (Some(_), Some(_)) => Err(Ambiguous),
        (place, _) => Ok(place),
    }
}

/// Gives the missing columns the headers that stand unclaimed between those of their neighbours, where these are as many.
fn edited(header: &[Name], places: &mut [Option<usize>], n_more: i64) -> Result<(), Ambiguous> {
    let claimed: Vec<usize> = places.iter().copied().flatten().collect();
    let last = claimed.iter().copied().max().unwrap_or_default();
    let has_strays = n_more >= 0 && (0..last).any(|at| !claimed.contains(&at));
    let n_named = header.iter().rposition(|there| *there != name("")).map_or(0, |at| at + 1);
    let mut n = 0;
    while n < places.len() {
        if places[n].is_some() {
            n += 1;
            continue;
        }
        let n_missing = places[n..].iter().take_while(|place| place.is_none()).count();
        let begin = n.checked_sub(1).and_then(|before| places[before]).map_or(0, |at| at + 1);
        let end = match places.get(n + n_missing).copied().flatten() {
            Some(end) => end,
            // Behind the last one that is known, as long as the tab is as wide as it was, ours come first.
            None if n_more == 0 => header.len().min(begin + n_missing),
            None => n_named,
        };
        let unclaimed: Vec<usize> = (begin..end).filter(|at| !claimed.contains(at)).collect();
        match unclaimed.len() {
            0 if !has_strays => {}
            many if many == n_missing && n_more >= 0 => {
                for (place, at) in places[n..].iter_mut().zip(unclaimed) {
                    *place = Some(at);
                }
            }
            _ => return Err(Ambiguous),
        }
        n += n_missing;
    }
    Ok(())
}

/// The steps from these columns to an order that begins with those that are wanted; all others end up right of them, in
/// their order.
fn steps(found: &[Option<Name>], wanted: &[Name]) -> Vec<Step> {
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
        let check = |header: &str, known: &str, n_more: i64, expected: Option<&str>| {
            let header: Vec<Name> =
                header.split(' ').map(|text| name(if text == "_" { "" } else { text })).collect();
            let expected: Option<Vec<_>> =
                expected.map(|text| text.split(' ').map(|text| (text != "-").then(|| name(text))).collect());
            assert_eq!(ours(&header, &names(known), n_more).ok(), expected, "{known} by {n_more}");
        };
        check("a mine b secret", "a b secret", 1, Some("a - b secret"));
        check("a b a", "a b", 1, Some("a b -"));
        check("a b new", "a b", 0, Some("a b -"));
        check("b mine a", "a b", 1, Some("b - a"));
        // Deleted by hand.
        check("a c mine", "a b c", -1, Some("a c -"));
        check("mine _", "a b", -2, Some("- -"));
        check("a c", "a b c", -2, Some("a c"));
        check("a c mine", "a b c", 0, Some("a c -"));
        check("b c mine", "a b c", -2, Some("b c -"));
        // Edited.
        check("a edited c", "a b c", 0, Some("a b c"));
        check("a edited c mine", "a b c", 1, Some("a b c -"));
        check("a edited _ _", "a b", 1, Some("a b - -"));
        check("a edited mine", "a b", 0, Some("a b -"));
        check("edited b mine", "a b", 1, Some("a b -"));
        check("b b c", "a b c", 0, Some("a b c"));
        check("title _ _ mine", "a b c", 0, Some("a b c -"));
        // Nobody knows.
        for (header, known, n_more) in [
            ("a mine edited c", "a b c", 1),
            ("a _ edited c", "a b c", 1),
            ("mine _ b c", "a b c", 1),
            ("a b mine edited", "a b c", 1),
            ("edited a c", "a b c", 0),
            ("a b mine", "a b c", -2),
            ("a edited mine", "a b c", -1),
            ("b a b c", "a b c", 1),
            ("a c b", "a b c", -1),
            ("title mine _ _", "a b c", 1),
        ] {
            check(header, known, n_more, None);
        }
    }
}
