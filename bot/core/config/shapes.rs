//! The short ways of writing in `gantry.yaml`: one element for a list of one, a path for an entry that says
//! nothing else.
//!
//! Written by hand where serde's `untagged` would do, because that forgets what was wrong with an entry and
//! where: here an error keeps its key, its line and what was expected.

use std::{fmt, marker::PhantomData};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
};

/// One element or a list of elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "OneOrMany{T}")]
pub enum OneOrMany<T> {
    /// `files: a.yaml`
    One(T),
    /// `files: [a.yaml, b.yaml]`
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// As a slice, whichever way it was written.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, a map with `path`, or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                T::deserialize(StrDeserializer::new(text)).map(OneOrMany::One)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany<T>, A::Error> {
                let mut many = Vec::new();
                while let Some(element) = list.next_element()? {
                    many.push(element);
                }
                Ok(OneOrMany::Many(many))
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// What is said of one path, in an entry that has it as `path`.
pub trait Rule {
    /// The path as written, with its placeholders.
    fn path(&self) -> &str;
}

/// A path alone, or an entry with more to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "PathOr{R}")]
pub enum PathOr<R> {
    /// The path alone, with its placeholders.
    Path(String),
    /// The path with more to say.
    Entry(R),
}

impl<R: Rule> PathOr<R> {
    /// The path as written, with its placeholders.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Entry(rule) => rule.path(),
        }
    }
}

impl<R> PathOr<R> {
    /// What more is said, if anything.
    #[must_use]
    pub const fn entry(&self) -> Option<&R> {
        match self {
            Self::Path(_) => None,
            Self::Entry(rule) => Some(rule),
        }
    }
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for PathOr<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<R>(PhantomData<R>);

        impl<'de, R: Deserialize<'de>> Visitor<'de> for Either<R> {
            type Value = PathOr<R>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a map with `path`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PathOr<R>, E> {
                Ok(PathOr::Path(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PathOr<R>, A::Error> {
                R::deserialize(MapAccessDeserializer::new(map)).map(PathOr::Entry)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}
