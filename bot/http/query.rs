//! What stands in the path and behind the `?`, checked.
//!
//! The guard has refused parameters that the route doesn't have, repeated ones and ones that are too long,
//! before a handler sees an [`Asked`].

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use url::form_urlencoded;

use super::{problem::Refusal, route::Parameter};

/// The longest value of a parameter, in bytes.
const LONGEST: usize = 1024;

/// The parameters of a request, by name.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    values: BTreeMap<&'static str, String>,
    known: &'static [Parameter],
}

impl Asked {
    /// Reads a query string.
    ///
    /// # Errors
    /// 400 for a parameter that is unknown, stands there twice or is too long.
    pub(super) fn read(query: Option<&str>, known: &'static [Parameter]) -> Result<Self, Refusal> {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
                let hint = match names.as_slice() {
                    [] => "This path has no parameters.".to_owned(),
                    names => format!("The parameters of this path are: {}.", names.join(", ")),
                };
                let shown: String = name.chars().take(80).collect();
                let detail = format!("there is no parameter {shown:?} here");
                return Err(Refusal::malformed(detail, &hint).field(shown));
            };
            let wrong = |what: &str| {
                let detail = format!("the parameter `{}` {what}", parameter.name);
                Refusal::malformed(detail, "Mend it and ask again.").field(parameter.name)
            };
            if value.len() > LONGEST {
                return Err(wrong(&format!("has more than {LONGEST} bytes")));
            }
            if value.chars().any(char::is_control) {
                return Err(wrong("holds a control character"));
            }
            if values.insert(parameter.name, value.into_owned()).is_some() {
                return Err(wrong("stands there twice"));
            }
        }
        values.retain(|_, value| !value.is_empty());
        Ok(Self { values, known })
    }

    /// The text of a parameter; none where it is absent or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        debug_assert!(self.known.iter().any(|parameter| parameter.name == name), "{name} is not declared");
        self.values.get(name).map(String::as_str)
    }

    /// A parameter of a type.
    ///
    /// # Errors
    /// 400 if it doesn't read as one.
    pub(super) fn get<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|error| {
                let detail = format!("the parameter `{name}`: {error}");
                Refusal::malformed(detail, "Mend it and ask again.").field(name)
            })
        };
        self.text(name).map(parse).transpose()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // The guard has put it there; a route without the guard can't be built.
        parts.extensions.get::<Self>().cloned().ok_or_else(Refusal::ours)
    }
}

/// The names in the path.
#[derive(Debug, Clone)]
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    /// One of them, as its type.
    ///
    /// # Errors
    /// 404 if it doesn't read as one: nothing can have such a name.
    pub(super) fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        text.parse().map_err(|error| Refusal::missing(format!("{error}"), "Check the path."))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Names {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::missing("the path is not UTF-8", "Check the path."))?;
        Ok(Self(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}
