//! Titles of new tabs.

use std::collections::HashSet;

/// Most letters of a title.
const LIMIT: usize = 100;

/// A title like `wish` that no tab has yet, and takes it; `name` tells tables of the same title apart.
pub(crate) fn choose(wish: &str, name: &str, taken: &mut HashSet<String>) -> String {
    let mut title = clean(wish, LIMIT);
    if !taken.insert(title.to_lowercase()) {
        for round in 0_u32.. {
            let hash = blake3::hash(format!("{name}\0{round}").as_bytes()).to_hex();
            title = format!("{} {}", clean(wish, LIMIT - 5), &hash[..4]);
            if taken.insert(title.to_lowercase()) {
                break;
            }
        }
    }
    title
}

/// Without what a title, or a reference to it, cannot hold; at most `limit` units of UTF-16.
fn clean(wish: &str, limit: usize) -> String {
    let replaced = wish.chars().map(|c| match c {
        '[' | ']' | '*' | '?' | ':' | '/' | '\\' => '_',
        c if c.is_control() => ' ',
        c => c,
    });
    let mut n_units = 0;
    let fitting = replaced.take_while(|c| {
        n_units += c.len_utf16();
        n_units <= limit
    });
    let title: String = fitting.collect();
    match title.trim().trim_matches('\'') {
        "" => "_".to_owned(),
        title => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_clean_and_unique_without_case() {
        let mut taken = HashSet::from(["sheet1".to_owned()]);
        let mut title = |wish: &str| choose(wish, wish, &mut taken);
        assert_eq!(title("orders"), "orders");
        assert_eq!(title("a/b?c#d"), "a_b_c#d");
        assert_eq!(title("CO2"), "CO2");
        assert_eq!(title("User"), "User");
        let other = title("user");
        assert!(other.starts_with("user ") && other.len() == 9, "{other}");
        assert!(title("Sheet1").starts_with("Sheet1 "));
        assert_eq!(title(" ''\n"), "_");
        assert_eq!(title(&"x".repeat(200)).len(), 100);
        assert_eq!(title(&"x".repeat(201)).len(), 100);
        assert_eq!(title(&"😀".repeat(60)).encode_utf16().count(), 100);
    }

    #[test]
    fn the_same_table_has_the_same_title_again() {
        let title = || choose("user", "public.user", &mut HashSet::from(["user".to_owned()]));
        assert_eq!(title(), title());
    }
}
