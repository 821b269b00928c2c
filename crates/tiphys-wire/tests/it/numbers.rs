//! Field numbers, types and routes: clients of the reference have them compiled in.

use std::path::Path;

use prost_reflect::{Cardinality, FieldDescriptor, Kind};
use serde_json::Value;
use tiphys_wire::api::Schema;

fn reference() -> Option<Value> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = manifest.ancestors().nth(3)?.join("shared/reference/wire.json");
    match std::fs::read(&path) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(_) => {
            eprintln!("skipped: {} is not there", path.display());
            None
        }
    }
}

/// A field as the table writes it: `required string name`.
fn words(field: &FieldDescriptor) -> String {
    let kind = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    let label = match field.cardinality() {
        Cardinality::Repeated => "repeated ",
        Cardinality::Required => "required ",
        Cardinality::Optional => "",
    };
    let oneof = field.containing_oneof().filter(|oneof| !oneof.name().starts_with('_'));
    format!("{label}{kind} {}{}", field.name(), if oneof.is_some() { " (oneof 0)" } else { "" })
}

#[test]
fn every_field_has_the_number_and_the_type_that_clients_were_built_with() {
    let Some(table) = reference() else { return };
    let pool = Schema::descriptor_pool().unwrap();
    let mut compared = 0;
    for message in pool.all_messages() {
        let name = message.full_name();
        if name.starts_with("google.protobuf.") {
            continue;
        }
        let expected = table["messages"][name]["fields"].as_object();
        let expected = expected.unwrap_or_else(|| panic!("{name} is no message of the reference"));
        for field in message.fields().filter(|field| field.number() < 50_000) {
            let number = field.number().to_string();
            assert_eq!(
                expected.get(&number).and_then(Value::as_str),
                Some(words(&field).as_str()),
                "{name} {number}"
            );
            compared += 1;
        }
        let ours = message.fields().filter(|field| field.number() < 50_000).count();
        assert_eq!(ours, expected.len(), "{name} has fields that are not here");
    }
    assert!(compared > 400, "only {compared} fields were compared");
}

#[test]
fn every_method_has_the_messages_and_the_routes_that_clients_use() {
    let Some(table) = reference() else { return };
    let pool = Schema::descriptor_pool().unwrap();
    let schema = Schema::load().unwrap();
    let mut compared = 0;
    for service in pool.services() {
        let expected = table["services"][service.full_name()].as_object().unwrap();
        assert_eq!(service.methods().count(), expected.len(), "{}", service.full_name());
        for method in service.methods() {
            let expected = &expected[method.name()];
            let stream = |flag: bool, name: &str| format!("{}{name}", if flag { "stream " } else { "" });
            let input = stream(method.is_client_streaming(), method.input().full_name());
            let output = stream(method.is_server_streaming(), method.output().full_name());
            assert_eq!(expected["request"].as_str(), Some(input.as_str()), "{}", method.full_name());
            assert_eq!(expected["response"].as_str(), Some(output.as_str()), "{}", method.full_name());
            let rest = pool.get_extension_by_name("tiphys.wire.v1.rest").unwrap();
            let options = method.options();
            let routes: Vec<String> = options
                .get_extension(&rest)
                .as_list()
                .unwrap()
                .iter()
                .filter_map(|route| route.as_str().map(str::to_owned))
                .collect();
            let expected: Vec<&str> = expected["rest"]
                .as_array()
                .map(|all| all.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            assert_eq!(routes, expected, "{}", method.full_name());
            compared += 1;
        }
    }
    assert_eq!(compared, schema.methods().len());
    assert!(compared >= 35, "only {compared} methods were compared");
}
