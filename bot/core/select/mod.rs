//! Tag selection: which of an image's tags is the newest.
//!
//! A [`Selector`] answers three questions and never looks at time or network: does a tag count
//! ([`Selector::matches`]), in which order do they come ([`Selector::rank`]), and is one newer than another
//! ([`Selector::compare`]). The last is what promise 4 (never downgrade) rests on: where two tags can't be
//! compared it says so, and the caller must not guess.

mod filter;
mod number;
mod range;
mod version;

use std::{cmp::Ordering, fmt, sync::Arc};

use jiff::Timestamp;

pub(crate) use self::filter::regex_error;
use self::{filter::Filter, number::Number, range::Range, version::Version};
use crate::{
    config::types::{Direction, Select},
    ids::Tag,
    reason::OrderBy,
};

/// A mistake in a `select`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct SelectError {
    /// The key within `select`; empty where it is about `select` as a whole.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl SelectError {
    fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A tag to be ranked, with whatever belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<T> {
    /// The tag.
    pub tag: Tag,
    /// When its image was built, where known.
    pub built: Option<Timestamp>,
    /// The caller's own.
    pub payload: T,
}

/// A compiled `select`. Cheap to clone; equal to another one where their sources are.
#[derive(Clone)]
pub struct Selector(Arc<Compiled>);

struct Compiled {
    source: Select,
    order: Order,
    filter: Option<Filter>,
}

enum Order {
    Semver(Range),
    Newest,
    Alphabetical(Direction),
    Numerical(Direction),
}

/// What is compared; one selector makes keys of one kind only.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// `newest` compares nothing but the time.
    Time,
    Version(Version),
    Text(String),
    Number(Number),
}

impl Selector {
    /// Checks and compiles a `select`; every mistake in it is reported.
    pub fn compile(select: &Select) -> Result<Self, Vec<SelectError>> {
        let mut errors = Vec::new();
        let mut orders = Vec::new();
        if let Some(range) = &select.semver {
            match Range::parse(range) {
                Ok(range) => orders.push(Some(Order::Semver(range))),
                Err(message) => {
                    orders.push(None);
                    errors.push(
                        SelectError::new("semver", message)
                            .hint("ranges look like `>=1.2.0 <2`, `~1.4`, `^1 || ^2`, `*`"),
                    );
                }
            }
        }
        match select.newest {
            Some(true) => orders.push(Some(Order::Newest)),
            Some(false) => {
                orders.push(None);
                errors.push(
                    SelectError::new("newest", "can only be `true`").hint("leave it out to select otherwise"),
                );
            }
            None => {}
        }
        orders.extend(select.alphabetical.map(|direction| Some(Order::Alphabetical(direction))));
        orders.extend(select.numerical.map(|direction| Some(Order::Numerical(direction))));
        let filter = match (&select.filter, &select.extract) {
            (Some(filter), extract) => match Filter::compile(filter, extract.as_deref()) {
                Ok(filter) => Some(filter),
                Err(error) => {
                    errors.push(error);
                    None
                }
            },
            (None, Some(_)) => {
                errors.push(
                    SelectError::new("extract", "needs a `filter`, whose groups it is made of")
                        .hint("add `filter: '^main-(?P<build>[0-9]+)$'`"),
                );
                None
            }
            (None, None) => None,
        };
        if orders.len() != 1 {
            let message = if orders.is_empty() { "says no order" } else { "says more than one order" };
            let hint = "exactly one of `semver`, `newest`, `alphabetical` and `numerical` is given";
            errors.push(SelectError::new("", message).hint(hint));
        }
        if select.newest.is_some() && select.extract.is_some() {
            errors.push(
                SelectError::new("extract", "has no meaning with `newest`, which compares build times")
                    .hint("remove it"),
            );
        }
        match orders.pop().flatten() {
            Some(order) if errors.is_empty() => {
                Ok(Self(Arc::new(Compiled { source: select.clone(), order, filter })))
            }
            _ => Err(errors),
        }
    }

    /// Whether the tag counts at all: the filter finds itself in it, and what is compared is a version in
    /// the range, or a number, where the order wants one.
    #[must_use]
    pub fn matches(&self, tag: &Tag) -> bool {
        self.matching_key(tag).is_some()
    }

    /// The candidates that match, newest first. Those that are equal come by build time and then by the
    /// tag's text, so that the result never depends on the order of the list. An unknown build time is
    /// older than any.
    #[must_use]
    pub fn rank<T>(&self, candidates: Vec<Candidate<T>>) -> Vec<Candidate<T>> {
        let mut keyed: Vec<(Key, Candidate<T>)> = candidates
            .into_iter()
            .filter_map(|candidate| Some((self.matching_key(&candidate.tag)?, candidate)))
            .collect();
        keyed.sort_by(|(a, one), (b, two)| {
            (self.directed(b, a)).then_with(|| two.built.cmp(&one.built)).then_with(|| two.tag.cmp(&one.tag))
        });
        keyed.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// Whether `a` is newer (`Greater`) or older than `b`. `None`: they can't be compared, for instance
    /// because one is no version, or a build time is unknown to `newest`.
    ///
    /// The range doesn't matter here: 2.0.0 is newer than 1.9.0 also for a selector of `<2`, which is what
    /// keeps a narrowed range from downgrading. Equal versions are compared by build time where both are
    /// known; different tags of one version (`1.2` and `1.2.0`) are otherwise equal.
    #[must_use]
    pub fn compare(&self, a: (&Tag, Option<Timestamp>), b: (&Tag, Option<Timestamp>)) -> Option<Ordering> {
        let times = a.1.zip(b.1).map(|(a, b)| a.cmp(&b));
        let keys = self.directed(&self.key(a.0)?, &self.key(b.0)?);
        match self.0.order {
            Order::Newest => times,
            Order::Semver(_) | Order::Alphabetical(_) | Order::Numerical(_) => {
                Some(keys.then(times.unwrap_or(Ordering::Equal)))
            }
        }
    }

    /// Whether it can't work without build times: the caller must fetch them before it ranks.
    #[must_use]
    pub fn needs_build_time(&self) -> bool {
        matches!(self.0.order, Order::Newest)
    }

    /// What tells a newer tag from an older one.
    #[must_use]
    pub fn order_by(&self) -> OrderBy {
        match self.0.order {
            Order::Semver(_) => OrderBy::Semver,
            Order::Newest => OrderBy::BuildTime,
            Order::Alphabetical(_) => OrderBy::Alphabetical,
            Order::Numerical(_) => OrderBy::Numerical,
        }
    }

    /// The `select` that it was made from.
    #[must_use]
    pub fn source(&self) -> &Select {
        &self.0.source
    }

    /// For people: `semver >=1.0.0`, `newest of ^main-`, `numerical of ^main-([0-9]+) by $1`.
    #[must_use]
    pub fn describe(&self) -> String {
        let Select { semver, newest: _, alphabetical: _, numerical: _, filter, extract } = &self.0.source;
        let direction = |direction: &Direction| match direction {
            Direction::Desc => "",
            Direction::Asc => " asc",
        };
        let mut text = match &self.0.order {
            Order::Semver(_) => format!("semver {}", semver.as_deref().unwrap_or_default().trim()),
            Order::Newest => "newest".to_owned(),
            Order::Alphabetical(own) => format!("alphabetical{}", direction(own)),
            Order::Numerical(own) => format!("numerical{}", direction(own)),
        };
        for (word, part) in [(" of ", filter), (" by ", extract)] {
            if let Some(part) = part {
                text.push_str(word);
                text.push_str(part);
            }
        }
        text
    }

    /// The key of a tag that counts.
    fn matching_key(&self, tag: &Tag) -> Option<Key> {
        let fits = self.0.filter.as_ref().is_none_or(|filter| filter.matches(tag.as_str()));
        let key = if fits { self.key(tag)? } else { return None };
        match (&self.0.order, &key) {
            (Order::Semver(range), Key::Version(version)) => range.matches(version).then_some(key),
            _ => Some(key),
        }
    }

    /// What is compared of a tag. Without `extract` the filter is not asked, as the whole tag is a version
    /// or a number whether the filter wants it or not; only text has no meaning beyond the filter.
    fn key(&self, tag: &Tag) -> Option<Key> {
        let text = match &self.0.filter {
            Some(filter) if filter.extracts() || matches!(self.0.order, Order::Alphabetical(_)) => {
                filter.extract(tag.as_str())?
            }
            _ => tag.as_str().to_owned(),
        };
        Some(match self.0.order {
            Order::Newest => Key::Time,
            Order::Semver(_) => Key::Version(Version::parse(&text)?),
            Order::Alphabetical(_) => Key::Text(text),
            Order::Numerical(_) => Key::Number(Number::parse(&text)?),
        })
    }

    fn directed(&self, a: &Key, b: &Key) -> Ordering {
        match self.0.order {
            Order::Alphabetical(Direction::Asc) | Order::Numerical(Direction::Asc) => b.cmp(a),
            Order::Semver(_) | Order::Newest | Order::Alphabetical(_) | Order::Numerical(_) => a.cmp(b),
        }
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Selector {}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Selector").field(&self.describe()).finish()
    }
}

#[cfg(test)]
mod tests;
