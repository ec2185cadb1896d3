//! The JSON Schema of `gantry.yaml`, for editors.
//!
//! Generated from the types. What serde can't say of them is added here: that a key has no null, that a
//! gate is a map with exactly one key, and which keys exclude each other. A test holds that what the schema
//! refuses by shape the parser refuses too, and the other way round.

use schemars::{generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Value, json};

use super::{files::FileRule, types::Config};

/// Where each server answers with the schema; `gantry.yaml` may name it in its first line.
const ID: &str = "/schema/gantry.v1.json";

/// The schema as JSON.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null));
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    schema["$id"] = json!(ID);
    schema["title"] = json!("gantry.yaml");
    schema["properties"]["version"] = json!({ "const": 1, "description": "The format's version; always 1." });
    for list in ["environments", "applications"] {
        schema["properties"][list]["minItems"] = json!(1);
    }
    let types = &mut schema["$defs"];
    types["Select"]["oneOf"] =
        json!(["semver", "newest", "alphabetical", "numerical"].map(|key| json!({ "required": [key] })));
    types["Select"]["properties"]["newest"]["const"] = json!(true);
    types["Select"]["dependentRequired"] = json!({ "extract": ["filter"] });
    types["ApplicationRule"]["oneOf"] = json!([
        { "required": ["name", "files"], "not": { "required": ["discover"] } },
        {
            "required": ["discover"],
            "properties": { "name": { "pattern": "[{]" } },
            "not": { "required": ["was"] },
        },
    ]);
    types["ImageRule"]["oneOf"] = json!([
        { "required": ["image"] },
        { "required": ["match"], "not": { "required": ["entry"] } },
    ]);
    // An entry is no map of environments.
    if let Some(Value::Array(ways)) = types["Files"].get_mut("anyOf") {
        for way in ways.iter_mut().filter(|way| way["type"] == json!("object")) {
            way["propertyNames"] = json!({ "not": { "enum": FileRule::KEYS } });
            way["minProperties"] = json!(1);
        }
    }
    schema
}

/// An option is a key that may be left out; a null is refused like any other wrong value.
fn without_null(schema: &mut schemars::Schema) {
    let is_null = |value: &Value| *value == json!("null") || *value == json!({ "type": "null" });
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| !is_null(one));
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.retain(|one| !is_null(one));
        if let [Value::Object(one)] = any.as_slice() {
            let one = one.clone();
            schema.remove("anyOf");
            for (key, value) in one {
                schema.insert(key, value);
            }
        }
    }
}
