//! One page of a tag list, and the tags gathered from all pages. Pure.

use std::{collections::HashSet, fmt};

use gantry_core::ids::Tag;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

/// Names kept of one page; the rest is only counted.
const MOST: usize = 200_000;
/// A name longer than this is not sent back to the registry. Tags have at most 128 characters.
const LONGEST: usize = 1024;

/// One page, each name checked as it is read.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) tags: Vec<Tag>,
    /// Names in the page, valid or not.
    pub(crate) count: usize,
    /// Names that are no valid tag.
    pub(crate) skipped: usize,
    /// The last name as it came, to ask for what follows it.
    pub(crate) last: Option<String>,
}

impl Page {
    /// Parses `{"name": ..., "tags": [...]}`; `tags` may be null (an empty repository).
    pub(crate) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Body {
            tags: Option<Page>,
        }
        Ok(serde_json::from_slice::<Body>(body)?.tags.unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Page;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tags")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Page, A::Error> {
                let mut page = Page::default();
                while page.count < MOST {
                    let Some(name) = names.next_element::<String>()? else { break };
                    page.count += 1;
                    match name.parse() {
                        Ok(tag) => page.tags.push(tag),
                        Err(_) => page.skipped += 1,
                    }
                    page.last = (name.len() <= LONGEST).then_some(name);
                }
                while names.next_element::<IgnoredAny>()?.is_some() {
                    page.count += 1;
                }
                Ok(page)
            }
        }
        from.deserialize_seq(Names)
    }
}

/// All tags so far, each once, in the order they came.
pub(crate) struct Gathered {
    pub(crate) tags: Vec<Tag>,
    pub(crate) skipped: usize,
    seen: HashSet<Tag>,
    most: usize,
    over: bool,
}

impl Gathered {
    pub(crate) fn new(most: usize) -> Self {
        Self { tags: Vec::new(), skipped: 0, seen: HashSet::new(), most, over: false }
    }

    /// Adds a page; says whether it held anything new.
    pub(crate) fn add(&mut self, page: &Page) -> bool {
        self.skipped += page.skipped;
        self.over |= page.count > page.tags.len() + page.skipped;
        let before = self.tags.len();
        for tag in &page.tags {
            if self.seen.contains(tag) {
                continue;
            }
            if self.tags.len() >= self.most {
                self.over = true;
                break;
            }
            self.seen.insert(tag.clone());
            self.tags.push(tag.clone());
        }
        self.tags.len() > before
    }

    /// Whether there were more tags than are kept.
    pub(crate) fn over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_they_come() {
        let page = Page::parse(br#"{"name":"a","tags":["1","-x","","a b","2"]}"#).unwrap();
        assert_eq!((page.tags.len(), page.count, page.skipped), (2, 5, 3));
        assert_eq!(page.last.as_deref(), Some("2"));
        for empty in [&br#"{"tags":null}"#[..], b"{}", br#"{"tags":[]}"#] {
            assert_eq!(Page::parse(empty).unwrap().count, 0);
        }
        for bad in [&b"<html>"[..], b"[]7", br#"{"tags":"1"}"#, br#"{"tags":[1]}"#, br#"{"tags":["1""#] {
            assert!(Page::parse(bad).is_err());
        }
    }

    #[test]
    fn gathering_is_bounded_and_knows_repeats() {
        let page = |names: &str| Page::parse(format!(r#"{{"tags":[{names}]}}"#).as_bytes()).unwrap();
        let mut all = Gathered::new(3);
        assert!(all.add(&page(r#""1","2","1""#)));
        assert!(!all.add(&page(r#""2","-""#)));
        assert!(all.add(&page(r#""3""#)) && !all.over());
        assert!(!all.add(&page(r#""3","4""#)) && all.over());
        assert_eq!((all.tags.len(), all.skipped), (3, 1));
        let many = vec![r#""a""#; MOST + 7].join(",");
        let many = page(&many);
        assert_eq!((many.tags.len(), many.count), (MOST, MOST + 7));
        assert!(many.last.is_some());
    }
}
