//! A route as data: the router, the guard, the role table's test and the OpenAPI document are all made from
//! the same list.

use axum::{
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{access::Operation, api, server::Server};

/// A parameter behind the `?`, or a name in the path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) kind: Kind,
}

/// What a parameter reads as.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Number,
    OneOf(&'static [&'static str]),
}

/// A parameter that is a text.
pub(super) const fn text(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, says, kind: Kind::Text }
}

pub(super) const AFTER: Parameter = text("after", "The page behind this cursor: `next` of the page before.");
pub(super) const LIMIT: Parameter =
    Parameter { name: "limit", says: "How many items, 1 to 500; 50 when left out.", kind: Kind::Number };
pub(super) const REPOSITORY: Parameter = text("repository", "Only of the infra repository of that name.");
pub(super) const ENVIRONMENT: Parameter = text("environment", "Only in this environment.");
pub(super) const Q: Parameter = text("q", "Only applications whose name holds this, in any case.");

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// It is made at once.
    Prompt,
    /// It may wait for something to happen, as long as the request says.
    Waits,
    /// It goes on as long as the client listens.
    Endless,
}

/// Makes the schema of a body.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a body is.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// JSON of this schema.
    Json(SchemaOf),
    /// Another media type.
    Media(&'static str),
}

/// A route. It can't be made without an operation, and it can't be reached past the guard.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) operation: Operation,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) keyed: bool,
    pub(super) body: Option<SchemaOf>,
    pub(super) answers: Vec<(u16, &'static str, Content)>,
    pub(super) pace: Pace,
    pub(super) handler: MethodRouter<Server>,
}

impl Route {
    fn new<H, T>(
        filter: MethodFilter,
        method: Method,
        path: &'static str,
        operation: Operation,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Server>,
        T: 'static,
    {
        Self {
            method,
            path,
            operation,
            summary: "",
            parameters: &[],
            keyed: false,
            body: None,
            answers: Vec::new(),
            pace: Pace::Prompt,
            handler: on(filter, handler),
        }
    }

    /// A route that reads.
    pub(super) fn get<H: Handler<T, Server>, T: 'static>(
        path: &'static str,
        operation: Operation,
        handler: H,
    ) -> Self {
        Self::new(MethodFilter::GET, Method::GET, path, operation, handler)
    }

    /// A route that asks for something to be done.
    pub(super) fn post<H: Handler<T, Server>, T: 'static>(
        path: &'static str,
        operation: Operation,
        handler: H,
    ) -> Self {
        Self { keyed: true, ..Self::new(MethodFilter::POST, Method::POST, path, operation, handler) }
    }

    pub(super) fn says(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    pub(super) fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    pub(super) fn takes<T: JsonSchema>(self) -> Self {
        Self { body: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    pub(super) fn answers<T: JsonSchema>(mut self, status: u16, says: &'static str) -> Self {
        self.answers.push((status, says, Content::Json(SchemaGenerator::subschema_for::<T>)));
        self
    }

    pub(super) fn media(mut self, kind: &'static str, says: &'static str) -> Self {
        self.answers.push((200, says, Content::Media(kind)));
        self
    }

    pub(super) fn pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }
}

/// All routes of the server.
pub(super) fn all() -> Vec<Route> {
    [
        api::builds::routes(),
        api::applications::routes(),
        api::history::routes(),
        api::places::routes(),
        api::environments::routes(),
        api::promotions::routes(),
        api::requests::routes(),
        api::plan::routes(),
        api::audit::routes(),
        api::events::routes(),
        api::process::routes(),
        api::problems::routes(),
        super::page::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
