//! Tables of patches and comparisons that need no cluster. What a real server makes of them is in `tests/`.

use serde_json::{Value, json};
use tiphys_manifest::masking::LAST_APPLIED_ANNOTATION;
use tiphys_manifest::{Gvk, Manifest};

use crate::apply::{client_side, last_applied_annotation, with_last_applied};
use crate::{
    DiffContext, DiffOptions, IgnoreProblem, IgnoreRule, IgnoreRules, MergeSchema, OpenApi, PatchKind,
    StatusFields, compare, is_modified, merge, three_way,
};

/// A document in the form of the API server's, with one Deployment, one Service, one ClusterRole and one custom kind.
fn document() -> Value {
    let list = |of: Value, more: Value| {
        let mut list = json!({"type": "array", "items": of});
        list.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        list
    };
    let by = |key: &str| {
        json!({"x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": key,
            "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]})
    };
    let reference =
        |name: &str| json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}], "default": {}});
    let text = json!({"type": "string"});
    let map = json!({"type": "object", "additionalProperties": {"type": "string", "default": ""}});
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let object = |gvk: Value, spec: Value| {
        json!({"type": "object", "x-kubernetes-group-version-kind": [gvk], "properties": {
            "apiVersion": text, "kind": text, "metadata": reference(meta), "spec": spec,
            "aggregationRule": {"type": "object", "properties": {}},
            "rules": {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
            "status": {"type": "object"}}})
    };
    let port = json!({"type": "object", "properties": {
        "port": {"type": "integer"}, "name": text, "protocol": {"type": "string", "default": "TCP"}}});
    let mut ports = list(port, by("port"));
    ports["x-kubernetes-list-map-keys"] = json!(["port", "protocol"]);
    json!({"components": {"schemas": {
        (meta): {"type": "object", "properties": {
            "name": text, "namespace": text, "uid": text, "generation": {"type": "integer"}, "resourceVersion": text,
            "creationTimestamp": text, "labels": map, "annotations": map,
            "managedFields": {"type": "array", "items": {"type": "object"}},
            "finalizers": list(text.clone(), json!({"x-kubernetes-patch-strategy": "merge"}))}},
        "io.k8s.api.core.v1.EnvVar": {"type": "object", "properties": {"name": text, "value": text}},
        "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        "io.k8s.api.core.v1.Container": {"type": "object", "properties": {
            "name": text, "image": text, "imagePullPolicy": text, "args": list(text.clone(), json!({})),
            "limits": {"type": "object", "additionalProperties": reference("io.k8s.apimachinery.pkg.api.resource.Quantity")},
            "env": list(reference("io.k8s.api.core.v1.EnvVar"), by("name"))}},
        "io.k8s.api.core.v1.Volume": {"type": "object", "properties": {
            "name": text, "emptyDir": {"type": "object"}, "hostPath": {"type": "object"}}},
        "io.k8s.api.apps.v1.DeploymentStrategy": {"type": "object", "properties": {
            "type": text, "rollingUpdate": {"type": "object", "additionalProperties": text}}},
        "io.k8s.api.apps.v1.DeploymentSpec": {"type": "object", "properties": {
            "replicas": {"type": "integer"}, "paused": {"type": "boolean"},
            "strategy": {"$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy",
                "x-kubernetes-patch-strategy": "retainKeys"},
            "volumes": list(reference("io.k8s.api.core.v1.Volume"),
                json!({"x-kubernetes-patch-strategy": "merge,retainKeys", "x-kubernetes-patch-merge-key": "name"})),
            "containers": list(reference("io.k8s.api.core.v1.Container"), by("name"))}},
        "io.k8s.api.apps.v1.Deployment": object(
            json!({"group": "apps", "version": "v1", "kind": "Deployment"}),
            reference("io.k8s.api.apps.v1.DeploymentSpec")),
        "io.k8s.api.core.v1.Service": object(
            json!({"group": "", "version": "v1", "kind": "Service"}),
            json!({"type": "object", "properties": {"ports": ports}})),
        "io.k8s.api.rbac.v1.ClusterRole": object(
            json!({"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole"}), json!({"type": "object"})),
        "example.v1.Gadget": object(
            json!({"group": "example", "version": "v1", "kind": "Gadget"}),
            json!({"type": "object", "properties": {
                "size": {"type": "integer", "default": 3},
                "list": list(json!({"type": "object", "properties": {"a": text, "mode": {"type": "string", "default": "x"}}}), json!({}))}}))
    }}})
}

fn schema(api_version: &str, kind: &str) -> MergeSchema {
    OpenApi::parse(&document()).schema(&Gvk::from_api_version(api_version, kind)).unwrap()
}

fn deployment(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec})
}

fn gadget(spec: Value) -> Value {
    json!({"apiVersion": "example/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": spec})
}

/// The live object after it was applied as `applied`, with what the server or others added on top.
fn applied(applied: &Value, added: &Value) -> Value {
    let manifest = with_last_applied(&Manifest::new(applied.clone()).unwrap());
    merge::json_merge(manifest.value(), added)
}

fn patch(last: Value, live: Value, desired: Value) -> Value {
    let schema = schema("apps/v1", "Deployment");
    let patch = three_way(Some(&deployment(last)), &deployment(live), &deployment(desired), Some(&schema));
    assert_eq!(patch.kind, PatchKind::StrategicMerge);
    patch.body
}

// covers: DIFF-001
#[test]
fn a_list_with_a_merge_key_is_merged_item_by_item() {
    let last = json!({"containers": [{"name": "a", "image": "1"}, {"name": "gone", "image": "1"}]});
    let live = json!({"containers": [{"name": "a", "image": "1", "imagePullPolicy": "Always"}, {"name": "gone", "image": "1"}, {"name": "injected"}]});
    let desired = json!({"containers": [{"name": "a", "image": "2"}, {"name": "new", "image": "1"}]});
    let body = patch(last, live.clone(), desired);
    assert_eq!(
        body,
        json!({"spec": {
            "containers": [{"name": "a", "image": "2"}, {"name": "new", "image": "1"}, {"name": "gone", "$patch": "delete"}],
            "$setElementOrder/containers": [{"name": "a"}, {"name": "new"}]}})
    );
    let merged = merge::strategic(&deployment(live), &body, Some(&schema("apps/v1", "Deployment")));
    assert_eq!(
        merged["spec"]["containers"],
        json!([{"name": "a", "image": "2", "imagePullPolicy": "Always"}, {"name": "injected"}, {"name": "new", "image": "1"}])
    );
}

#[test]
fn an_item_that_others_added_is_no_difference_and_neither_is_its_place() {
    let desired = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    let live = json!({"containers": [{"name": "x"}, {"name": "a"}, {"name": "y"}, {"name": "b"}]});
    assert_eq!(patch(desired.clone(), live, desired), json!({}));
}

#[test]
fn the_order_of_ones_own_items_counts() {
    let desired = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    let live = json!({"containers": [{"name": "b"}, {"name": "x"}, {"name": "a"}]});
    let body = patch(desired.clone(), live.clone(), desired);
    assert_eq!(body, json!({"spec": {"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}]}}));
    let merged = merge::strategic(&deployment(live), &body, Some(&schema("apps/v1", "Deployment")));
    let names: Vec<_> =
        merged["spec"]["containers"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert_eq!(names.iter().filter(|name| **name != "x").collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_list_without_a_merge_key_is_replaced() {
    let body = patch(
        json!({"containers": [{"name": "a", "args": ["1"]}]}),
        json!({"containers": [{"name": "a", "args": ["1"]}]}),
        json!({"containers": [{"name": "a", "args": ["2"]}]}),
    );
    assert_eq!(body["spec"]["containers"], json!([{"name": "a", "args": ["2"]}]));
}

#[test]
fn a_union_keeps_only_the_keys_that_are_desired() {
    let last = json!({"strategy": {"type": "RollingUpdate"}, "volumes": [{"name": "v", "emptyDir": {}}]});
    let live = json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"a": "b"}}, "volumes": [{"name": "v", "emptyDir": {}}]});
    let desired = json!({"strategy": {"type": "Recreate"}, "volumes": [{"name": "v", "hostPath": {}}]});
    let body = patch(last, live.clone(), desired.clone());
    assert_eq!(body["spec"]["strategy"], json!({"type": "Recreate", "$retainKeys": ["type"]}));
    let merged = merge::strategic(&deployment(live), &body, Some(&schema("apps/v1", "Deployment")));
    assert_eq!(merged["spec"], desired);
}

#[test]
fn items_that_share_their_merge_key_are_told_apart_by_all_keys() {
    let service = |ports: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}});
    let schema = schema("v1", "Service");
    let wanted = service(json!([{"port": 53, "protocol": "UDP"}, {"port": 53}]));
    let live =
        service(json!([{"port": 53, "protocol": "UDP", "name": "x"}, {"port": 53, "protocol": "TCP"}]));
    assert!(three_way(Some(&wanted), &live, &wanted, Some(&schema)).is_empty());
    let other = service(json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "name": "tcp"}]));
    let patch = three_way(Some(&wanted), &live, &other, Some(&schema));
    let merged = merge::apply(&live, &patch, Some(&schema));
    assert_eq!(
        merged["spec"]["ports"],
        json!([{"port": 53, "protocol": "UDP", "name": "x"}, {"port": 53, "protocol": "TCP", "name": "tcp"}])
    );
}

#[test]
fn scalars_of_a_merged_list_come_and_go_one_by_one() {
    let with = |finalizers: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "finalizers": finalizers}});
    let schema = schema("apps/v1", "Deployment");
    let live = with(json!(["a", "theirs", "b"]));
    let patch = three_way(Some(&with(json!(["a", "b"]))), &live, &with(json!(["a", "c"])), Some(&schema));
    let merged = merge::apply(&live, &patch, Some(&schema));
    let mut left: Vec<_> =
        merged["metadata"]["finalizers"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    left.sort_unstable();
    assert_eq!(left, ["a", "c", "theirs"]);
}

// covers: DIFF-009
#[test]
fn a_custom_resource_gets_a_json_merge_patch_that_replaces_lists() {
    let schema = schema("example/v1", "Gadget");
    assert!(!schema.is_strategic());
    let live = gadget(json!({"size": 1, "list": [{"a": "1"}], "theirs": true, "ours": 1}));
    let last = gadget(json!({"size": 1, "list": [{"a": "1"}], "ours": 1}));
    let patch = three_way(
        Some(&last),
        &live,
        &gadget(json!({"size": 2, "list": [{"a": "2"}], "none": null})),
        Some(&schema),
    );
    assert_eq!(patch.kind, PatchKind::JsonMerge);
    assert_eq!(patch.body, json!({"spec": {"size": 2, "list": [{"a": "2"}], "ours": null}}));
    assert_eq!(
        merge::apply(&live, &patch, None)["spec"],
        json!({"size": 2, "list": [{"a": "2"}], "theirs": true})
    );
}

#[test]
fn the_last_applied_annotation_is_spelled_as_kubectl_spells_it() {
    let manifest = Manifest::new(json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"},
        "data": {"html": "<a>&\u{2028}\"\\\n\t", "n": 1.0, "e": 1e-7, "l": 1e21}}))
    .unwrap();
    assert_eq!(
        last_applied_annotation(manifest.value()),
        "{\"apiVersion\":\"v1\",\"data\":{\"e\":1e-7,\"html\":\"\\u003ca\\u003e\\u0026\\u2028\\\"\\\\\\n\\t\",\"l\":1e+21,\"n\":1},\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{},\"name\":\"a\"}}\n"
    );
    let twice = with_last_applied(&with_last_applied(&manifest));
    assert_eq!(
        twice.annotation(LAST_APPLIED_ANNOTATION),
        Some(last_applied_annotation(manifest.value()).as_str())
    );
}

#[test]
fn an_apply_of_what_was_applied_is_an_empty_patch() {
    let desired = deployment(json!({"replicas": 1, "containers": [{"name": "a"}]}));
    let live = applied(&desired, &json!({"status": {"replicas": 1}, "spec": {"paused": true}}));
    let manifest = Manifest::new(desired).unwrap();
    assert!(client_side(&live, &manifest, Some(&schema("apps/v1", "Deployment"))).is_empty());
}

#[test]
fn spellings_and_defaults_of_the_server_are_no_difference() {
    let schema = schema("apps/v1", "Deployment");
    let context = DiffContext { schema: Some(&schema), ..DiffContext::default() };
    let same = |desired: Value, live: Value| {
        !is_modified(
            &deployment(desired.clone()),
            &applied(&deployment(desired), &json!({"spec": live})),
            &context,
        )
    };
    let container =
        |fields: Value| json!({"containers": [merge::json_merge(&json!({"name": "a"}), &fields)]});
    assert!(same(container(json!({"limits": {"cpu": "1000m"}})), container(json!({"limits": {"cpu": "1"}}))));
    assert!(same(container(json!({"limits": {"cpu": 0.5}})), container(json!({"limits": {"cpu": "500m"}}))));
    assert!(!same(container(json!({"limits": {"cpu": "1"}})), container(json!({"limits": {"cpu": "2"}}))));
    assert!(same(
        container(json!({"env": [{"name": "E", "value": ""}]})),
        container(json!({"env": [{"name": "E"}]}))
    ));
    assert!(same(json!({"paused": false, "unknown": 1}), json!({"paused": null, "unknown": null})));
    assert!(!same(json!({"replicas": 0}), json!({"replicas": 1})));
    assert!(same(
        json!({"replicas": null, "volumes": [], "strategy": {}}),
        json!({"volumes": null, "strategy": {"type": "RollingUpdate"}})
    ));
}

#[test]
fn a_field_that_is_gone_from_git_is_a_difference_unless_the_server_would_set_it_again() {
    let schema = schema("apps/v1", "Deployment");
    let context = DiffContext { schema: Some(&schema), ..DiffContext::default() };
    let live = |replicas: i64| applied(&deployment(json!({"replicas": replicas})), &json!({}));
    assert!(is_modified(&deployment(json!({})), &live(3), &context));
    assert!(!is_modified(&deployment(json!({})), &live(1), &context));
}

// covers: DIFF-002
#[test]
fn without_a_last_applied_annotation_only_desired_fields_count() {
    let schema = schema("apps/v1", "Deployment");
    let context = DiffContext { schema: Some(&schema), ..DiffContext::default() };
    let live = deployment(json!({"replicas": 1, "paused": true}));
    assert!(!is_modified(&deployment(json!({"replicas": 1})), &live, &context));
    assert!(is_modified(&deployment(json!({"replicas": 2})), &live, &context));
}

#[test]
fn what_we_applied_server_side_and_is_desired_no_more_is_a_difference() {
    let schema = schema("apps/v1", "Deployment");
    let context = DiffContext { schema: Some(&schema), ..DiffContext::default() };
    let mut live =
        deployment(json!({"replicas": 3, "containers": [{"name": "a", "image": "1"}, {"name": "theirs"}]}));
    live["metadata"]["managedFields"] = json!([
        {"manager": "argocd-controller", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {
            "f:spec": {"f:replicas": {}, "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {}}}}}}]);
    let container = json!([{"name": "a", "image": "1"}]);
    assert!(!is_modified(&deployment(json!({"replicas": 3, "containers": container})), &live, &context));
    assert!(is_modified(&deployment(json!({"containers": container})), &live, &context));
    let difference = compare(&deployment(json!({"replicas": 3, "containers": []})), &live, &context);
    assert_eq!(difference.predicted_live["spec"]["containers"], json!([{"name": "theirs"}]));
}

// covers: DIFF-017
#[test]
fn what_the_server_writes_into_metadata_is_never_a_difference() {
    let desired = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "creationTimestamp": null, "generation": 5, "uid": "x", "resourceVersion": "1"}});
    let live = applied(
        &desired,
        &json!({"metadata": {"creationTimestamp": "2024-01-01T00:00:00Z", "generation": 7, "uid": "y", "resourceVersion": "9",
            "managedFields": [{"manager": "m"}]}}),
    );
    assert!(!is_modified(&desired, &live, &DiffContext::default()));
    let difference = compare(&desired, &live, &DiffContext::default());
    assert_eq!(
        difference.normalized_live,
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}})
    );
}

// covers: DIFF-016
#[test]
fn a_status_counts_only_where_the_setting_says_so() {
    let with = |kind: &str, ready: bool| json!({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "a"}, "status": {"ready": ready}});
    let differs = |kind, status| {
        let context = DiffContext {
            options: DiffOptions { status, ..DiffOptions::default() },
            ..DiffContext::default()
        };
        is_modified(&with(kind, true), &with(kind, false), &context)
    };
    assert!(!differs("Gadget", StatusFields::All));
    assert!(differs("Gadget", StatusFields::None));
    assert!(differs("Gadget", StatusFields::Crd));
    assert!(!differs("CustomResourceDefinition", StatusFields::Crd));
    assert_eq!(
        ["all", "on", "crd", "none", "off", "?"].map(StatusFields::parse),
        [
            Some(StatusFields::All),
            Some(StatusFields::All),
            Some(StatusFields::Crd),
            Some(StatusFields::None),
            Some(StatusFields::None),
            None
        ]
    );
}

// covers: DIFF-014
#[test]
fn aggregated_rules_are_the_controllers_where_the_setting_says_so_and_null_rules_are_none() {
    let schema = schema("rbac.authorization.k8s.io/v1", "ClusterRole");
    let role = |rules: Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "r"}, "aggregationRule": {}, "rules": rules})
    };
    let differs = |ignore_aggregated_roles, desired, live| {
        let options = DiffOptions { ignore_aggregated_roles, ..DiffOptions::default() };
        is_modified(
            &role(desired),
            &role(live),
            &DiffContext { schema: Some(&schema), options, ..DiffContext::default() },
        )
    };
    assert!(differs(false, json!([]), json!([{"verbs": ["get"]}])));
    assert!(!differs(true, json!([]), json!([{"verbs": ["get"]}])));
    assert!(!differs(false, Value::Null, json!([])));
    assert!(!differs(false, json!([]), Value::Null));
}

// covers: DIFF-015
#[test]
fn the_order_within_endpoints_has_no_meaning() {
    let endpoints = |ips: [&str; 2]| {
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "e"},
        "subsets": [{"addresses": [{"ip": ips[0]}, {"ip": ips[1]}]}]})
    };
    assert!(!is_modified(&endpoints(["1", "2"]), &endpoints(["2", "1"]), &DiffContext::default()));
    assert!(is_modified(&endpoints(["1", "2"]), &endpoints(["2", "3"]), &DiffContext::default()));
}

#[test]
fn a_secrets_string_data_is_compared_and_removed_as_data() {
    let secret = |string_data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": string_data});
    let live = applied(&secret(json!({"a": "one", "b": "two"})), &json!({}));
    assert_eq!(live["data"], json!({"a": "b25l", "b": "dHdv"}));
    let context = DiffContext::default();
    assert!(!is_modified(&secret(json!({"a": "one", "b": "two"})), &live, &context));
    assert!(is_modified(&secret(json!({"a": "one"})), &live, &context));
    let patch = client_side(&live, &Manifest::new(secret(json!({"a": "one"}))).unwrap(), None);
    assert_eq!(patch.body["data"], json!({"b": null}));
}

#[test]
fn defaults_of_a_custom_resource_come_from_its_schema() {
    let schema = schema("example/v1", "Gadget");
    let context = DiffContext { schema: Some(&schema), ..DiffContext::default() };
    let desired = gadget(json!({"list": [{"a": "1", "pruned": true}]}));
    let live = applied(&desired, &json!({"spec": {"size": 3, "list": [{"a": "1", "mode": "x"}]}}));
    assert!(!is_modified(&desired, &live, &context));
    let live = applied(&desired, &json!({"spec": {"list": [{"a": "1", "mode": "y"}]}}));
    assert!(is_modified(&desired, &live, &context));
}

#[test]
fn what_is_shown_differs_only_where_there_is_a_difference() {
    let schema = schema("apps/v1", "Deployment");
    let context = DiffContext { schema: Some(&schema), ..DiffContext::default() };
    let desired =
        deployment(json!({"replicas": 2, "containers": [{"name": "a", "limits": {"cpu": "1000m"}}]}));
    let live = applied(
        &desired,
        &json!({"spec": {"replicas": 1, "containers": [{"name": "a", "limits": {"cpu": "1"}}]}}),
    );
    let difference = compare(&desired, &live, &context);
    assert!(difference.modified);
    let mut expected = difference.normalized_live.clone();
    expected["spec"]["replicas"] = json!(2);
    assert_eq!(difference.predicted_live, expected);
}

fn rules(rules: Vec<IgnoreRule>) -> IgnoreRules {
    let (rules, problems) = IgnoreRules::compile(rules);
    assert_eq!(problems, []);
    rules
}

// covers: DIFF-018
#[test]
fn fields_behind_json_pointers_do_not_count_on_the_objects_that_the_rule_names() {
    let desired = deployment(json!({"replicas": 1, "containers": [{"name": "a", "image": "1"}]}));
    let live = applied(
        &desired,
        &json!({"spec": {"replicas": 9, "containers": [{"name": "a", "image": "2"}]}, "metadata": {"labels": {"x/y": "z"}}}),
    );
    let modified = |rule: IgnoreRule| {
        let rules = rules(vec![rule]);
        is_modified(&desired, &live, &DiffContext { ignore: Some(&rules), ..DiffContext::default() })
    };
    let rule = |group: &str, kind: &str, pointers: &[&str]| IgnoreRule {
        group: group.into(),
        kind: kind.into(),
        json_pointers: pointers.iter().map(ToString::to_string).collect(),
        ..IgnoreRule::default()
    };
    let all = ["/spec/replicas", "/spec/containers/0/image", "/not/there", "/metadata/labels/x~1y"];
    assert!(!modified(rule("apps", "Deployment", &all)));
    assert!(!modified(rule("*", "Dep*", &all)));
    assert!(modified(rule("apps", "Deployment", &all[..1])));
    assert!(modified(rule("", "Deployment", &all)));
    assert!(modified(rule("apps", "StatefulSet", &all)));
    assert!(!modified(IgnoreRule { name: "d".into(), ..rule("apps", "Deployment", &all) }));
    assert!(modified(IgnoreRule { name: "other".into(), ..rule("apps", "Deployment", &all) }));
    assert!(modified(IgnoreRule { namespace: "other".into(), ..rule("apps", "Deployment", &all) }));
}

#[test]
fn chosen_fields_are_taken_over_from_the_live_object_and_nothing_else_is() {
    let desired =
        deployment(json!({"replicas": 1, "paused": true, "containers": [{"name": "a", "image": "2"}]}));
    let mut live = deployment(json!({"replicas": 9, "volumes": [{"name": "v"}], "containers": [
        {"name": "a", "image": "1"}, {"name": "sidecar", "image": "s"}]}));
    live["status"] = json!({"replicas": 9});
    let respected = |pointers: &[&str], expressions: &[&str]| {
        let rules = rules(vec![IgnoreRule {
            group: "apps".into(),
            kind: "Deployment".into(),
            json_pointers: pointers.iter().map(ToString::to_string).collect(),
            jq_path_expressions: expressions.iter().map(ToString::to_string).collect(),
            ..IgnoreRule::default()
        }]);
        let schema = schema("apps/v1", "Deployment");
        rules.with_live_fields(&desired, &live, Some(&schema)).unwrap()
    };
    let spec = |object: Value| object["spec"].clone();
    assert_eq!(
        spec(respected(&["/spec/replicas", "/spec/paused"], &[])),
        json!({"replicas": 9, "containers": [{"name": "a", "image": "2"}]})
    );
    assert_eq!(
        spec(respected(&[], &[".spec.containers[] | select(.name == \"sidecar\")"])),
        json!({"replicas": 1, "paused": true, "containers": [
            {"name": "a", "image": "2"}, {"name": "sidecar", "image": "s"}]})
    );
    assert_eq!(
        spec(respected(&["/spec/containers/0/image"], &[]))["containers"],
        json!([{"name": "a", "image": "1"}])
    );
    assert_eq!(respected(&["/status"], &[]).get("status"), None);
    let rules = rules(vec![IgnoreRule { kind: "Service".into(), ..IgnoreRule::default() }]);
    assert_eq!(rules.with_live_fields(&desired, &live, None), None);
}

// covers: DIFF-020
#[test]
fn fields_of_a_trusted_manager_do_not_count() {
    let desired = deployment(json!({"replicas": 1, "containers": [{"name": "a", "image": "1"}]}));
    let mut live =
        applied(&desired, &json!({"spec": {"replicas": 9, "containers": [{"name": "a", "image": "2"}]}}));
    live["metadata"]["managedFields"] = json!([{"manager": "scaler", "operation": "Update", "fieldsV1": {"f:spec": {
        "f:replicas": {}, "f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}}}}}]);
    let modified = |manager: &str| {
        let rules = rules(vec![IgnoreRule {
            group: "*".into(),
            kind: "*".into(),
            managed_fields_managers: vec![manager.into()],
            ..IgnoreRule::default()
        }]);
        is_modified(&desired, &live, &DiffContext { ignore: Some(&rules), ..DiffContext::default() })
    };
    assert!(!modified("scaler"));
    assert!(modified("other"));
}

#[test]
fn parts_of_a_rule_that_cannot_work_are_named() {
    let (_, problems) = IgnoreRules::compile([
        IgnoreRule { group: "[".into(), ..IgnoreRule::default() },
        IgnoreRule { json_pointers: vec!["spec".into()], ..IgnoreRule::default() },
    ]);
    assert_eq!(problems, [IgnoreProblem::Glob("[".into()), IgnoreProblem::Pointer("spec".into())]);
}
