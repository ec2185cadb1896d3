//! How gates are written: a form that derived serde code would read with poor messages.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
};

use super::types::Gate;

impl Gate {
    /// The names of the gates of this version.
    pub const NAMES: &'static [&'static str] = &["soak", "checks"];

    /// Its name, as written in `gantry.yaml` and in the commit status `gantry/<gate>`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Soak(_) => "soak",
            Self::Checks(_) => "checks",
        }
    }
}

impl Serialize for Gate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Soak(span) => serializer.collect_map([(self.name(), span)]),
            Self::Checks(names) => serializer.collect_map([(self.name(), names)]),
        }
    }
}

impl<'de> Deserialize<'de> for Gate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneKey;

        impl<'de> Visitor<'de> for OneKey {
            type Value = Gate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a gate: a map with one key, like `soak: 10m`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Gate, A::Error> {
                let Some(Name(name)) = map.next_key()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                let gate = match name {
                    "soak" => Gate::Soak(map.next_value()?),
                    _ => Gate::Checks(map.next_value()?),
                };
                match map.next_key::<Name>()? {
                    None => Ok(gate),
                    Some(_) => Err(de::Error::custom(
                        "a gate has one key; write each gate as an element of its own, with its own `-`",
                    )),
                }
            }
        }

        deserializer.deserialize_map(OneKey)
    }
}

/// A known gate's name; as a type of its own so that an unknown one is an error at the key.
struct Name(&'static str);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        (Gate::NAMES.iter().find(|name| **name == text).map(|name| Self(name)))
            .ok_or_else(|| de::Error::unknown_variant(&text, Gate::NAMES))
    }
}
