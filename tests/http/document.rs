//! The OpenAPI document. That every answer fits it is checked by the client of all tests here.

use gantry::http::routes;
use serde_json::Value;

use super::{
    scene::Scene,
    serving::{DOCUMENT, serve},
};

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut described: Vec<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let mut routed: Vec<String> =
        routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    described.sort();
    routed.sort();
    assert_eq!(described, routed);
    let server = serve(vec![Scene::new("infra", &[]).seen()]).await;
    assert_eq!(server.get("/api/v1/openapi.json").await.ok(), *DOCUMENT);
}

#[test]
fn descriptions_are_whole() {
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path} {method}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path} {method}");
            assert!(operation["responses"].get("default").is_some(), "{path} {method}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| walk(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&DOCUMENT, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        assert!(DOCUMENT.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}
