//! Pages of lists, with cursors that stay good when the list changes.
//!
//! A cursor is the sort key of the last item of a page; the next page begins behind it, whether or not that
//! item is still there, so that no item is shown twice or left out because others came or went.

use jiff::Timestamp;

use super::{problem::Refusal, query::Asked, types::Page};

/// The size of a page if none is asked for.
pub(super) const USUAL: usize = 50;

/// The largest page.
pub(super) const LARGEST: usize = 500;

/// Which page is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paging {
    /// Behind this key; none for the first page.
    pub(super) after: Option<String>,
    /// How many items.
    pub(super) limit: usize,
}

impl Paging {
    /// Reads `after` and `limit`.
    ///
    /// # Errors
    /// 400 for a limit that is no number from 1 to 500.
    pub(super) fn of(asked: &Asked) -> Result<Self, Refusal> {
        let limit = asked.get::<usize>("limit")?.unwrap_or(USUAL);
        if !(1..=LARGEST).contains(&limit) {
            let detail = format!("the parameter `limit` is {limit}");
            let hint = format!("Ask for 1 to {LARGEST} items at a time, and go on with `after`.");
            return Err(Refusal::malformed(detail, &hint).field("limit"));
        }
        Ok(Self { after: asked.text("after").map(str::to_owned), limit })
    }

    /// Cuts the page out of all items. The list's order is that of the keys.
    pub(super) fn cut<T>(&self, mut items: Vec<(String, T)>) -> Page<T> {
        items.sort_by(|a, b| a.0.cmp(&b.0));
        let total = items.len();
        let start = match &self.after {
            Some(after) => items.partition_point(|(key, _)| key <= after),
            None => 0,
        };
        let mut rest = items.into_iter().skip(start);
        let page: Vec<(String, T)> = rest.by_ref().take(self.limit).collect();
        let next = rest.next().and_then(|_| page.last().map(|(key, _)| key.clone()));
        Page { items: page.into_iter().map(|(_, item)| item).collect(), next, total }
    }
}

/// The key of these parts. `!` sorts before every character that a name, an image or a version may hold, so
/// that `a` comes before `a-b` as in a list of names.
pub(super) fn key(parts: &[&str]) -> String {
    parts.join("!")
}

/// A part of a key that puts the latest first, and what has no time last.
pub(super) fn latest_first(at: Option<Timestamp>) -> String {
    let left = i128::from(i64::MAX) - i128::from(at.map_or(i64::MIN, Timestamp::as_millisecond));
    format!("{left:020}")
}

impl<T> Page<T> {
    /// The same page of something else.
    pub(super) fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next: self.next, total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: std::ops::Range<usize>) -> Vec<(String, usize)> {
        range.map(|number| (format!("{number:03}"), number)).collect()
    }

    #[test]
    fn the_pages_make_up_the_list_though_items_come_and_go() {
        let first = Paging { after: None, limit: 3 }.cut(numbers(0..7));
        assert_eq!((first.items, first.next.as_deref(), first.total), (vec![0, 1, 2], Some("002"), 7));
        let mut changed = numbers(0..7);
        changed.remove(2);
        changed.push(("0015".to_owned(), 99));
        let second = Paging { after: first.next, limit: 3 }.cut(changed);
        assert_eq!(second.items, [3, 4, 5], "the cursor's own item is gone, one came before it");
        let last = Paging { after: second.next, limit: 3 }.cut(numbers(0..7));
        assert_eq!((last.items, last.next), (vec![6], None));
    }

    #[test]
    fn keys_sort_as_names_do() {
        let mut keys = [key(&["a-b", "x"]), key(&["a", "x"]), key(&["a.b", "x"]), key(&["a", "b"])];
        keys.sort();
        assert_eq!(keys, ["a!b", "a!x", "a-b!x", "a.b!x"]);
    }

    #[test]
    fn the_latest_comes_first_and_the_unknown_last() {
        let at = |second| latest_first(Timestamp::from_second(second).ok());
        assert!(at(2) < at(1) && at(1) < at(-5) && at(-5) < latest_first(None));
    }
}
