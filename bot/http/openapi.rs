//! The OpenAPI 3.1 document, made from the list of routes and the types of the bodies.
//!
//! There is no second description to keep in step: paths, parameters and roles come from [`super::route`]
//! and [`super::access`], schemas from the types that serde reads and writes.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    access::role_name,
    route::{self, Content, Kind, Parameter, Route},
    types::ProblemBody,
};

/// The document.
#[must_use]
pub fn document() -> Value {
    let settings = |settings: &mut SchemaSettings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    };
    // Answers are described as they are written, bodies as they are read.
    let mut written = SchemaSettings::draft2020_12().for_serialize().with(settings).into_generator();
    let mut read = SchemaSettings::draft2020_12().for_deserialize().with(settings).into_generator();
    let problem = written.subschema_for::<ProblemBody>();
    let mut paths: Map<String, Value> = Map::new();
    for route in route::all() {
        let method = route.method.as_str().to_ascii_lowercase();
        let described = operation(&route, &mut written, &mut read, problem.as_value());
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(method, described);
        }
    }
    let mut schemas = read.take_definitions(true);
    schemas.extend(written.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gantry",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What runs where, what is on its way and why. Every refusal is an RFC 9457 problem \
                            document that says who must act. Lists come in pages: pass `next` as `after`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(
    route: &Route,
    written: &mut SchemaGenerator,
    read: &mut SchemaGenerator,
    problem: &Value,
) -> Value {
    let mut answers: Map<String, Value> = Map::new();
    for (status, says, content) in &route.answers {
        let content = match content {
            Content::Json(schema) => json!({ "application/json": { "schema": schema(written) } }),
            Content::Media(kind) => json!({ *kind: { "schema": { "type": "string" } } }),
        };
        // One status may have several forms; the first describes it.
        let known = answers.entry(status.to_string());
        let known = known.or_insert_with(|| json!({ "description": says, "content": {} }));
        if let (Some(known), Value::Object(content)) = (known["content"].as_object_mut(), content) {
            known.extend(content);
        }
    }
    let content = json!({ "application/problem+json": { "schema": problem } });
    answers.insert("default".to_owned(), json!({ "description": "A refusal", "content": content }));

    let roles: Vec<&str> = route.operation.roles().iter().map(|role| role_name(*role)).collect();
    let open = route.operation.anonymous(true);
    let who = match (open, route.operation.anonymous(false)) {
        (_, true) => "Everybody may.".to_owned(),
        (true, false) => format!(
            "Roles: {}; everybody, where the server's settings allow reading without a token.",
            roles.join(", ")
        ),
        (false, false) => format!("Roles: {}.", roles.join(", ")),
    };
    let security = if open { json!([{}, { "token": [] }]) } else { json!([{ "token": [] }]) };
    let mut described = json!({
        "operationId": id(route),
        "summary": route.summary,
        "description": who,
        "security": security,
        "parameters": parameters(route),
        "responses": answers,
    });
    if let (Some(schema), Some(described)) = (route.body, described.as_object_mut()) {
        let content = json!({ "application/json": { "schema": schema(read) } });
        described.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    described
}

/// A name for generated clients: `get-applications-app-history`.
fn id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<&str> = words.collect();
    if words.is_empty() {
        words.push("overview");
    }
    format!("{}-{}", route.method.as_str().to_ascii_lowercase(), words.join("-"))
}

fn parameters(route: &Route) -> Vec<Value> {
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = |name: &str| {
        let schema = match name {
            "number" | "id" => json!({ "type": "integer" }),
            _ => json!({ "type": "string" }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    };
    let in_query = |parameter: &Parameter| {
        let schema = match parameter.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Number => json!({ "type": "integer", "minimum": 0 }),
            Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        };
        json!({ "name": parameter.name, "in": "query", "description": parameter.says, "schema": schema })
    };
    let key = route.keyed.then(|| {
        let says = "The same key again is the same request: it is stored once.";
        json!({ "name": "Idempotency-Key", "in": "header", "description": says, "schema": { "type": "string" } })
    });
    names.map(in_path).chain(route.parameters.iter().map(in_query)).chain(key).collect()
}
