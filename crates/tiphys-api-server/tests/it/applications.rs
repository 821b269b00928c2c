//! Reading and changing Applications.

use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{Installation, SOON, application};

// covers: RPC-010, RPC-113
#[tokio::test(flavor = "multi_thread")]
async fn creating_twice_is_creating_once_and_a_difference_needs_an_upsert() {
    let installation = Installation::start().await;
    let mut wanted = application("guestbook");
    wanted["operation"] = json!({"sync": {"prune": true}});
    wanted["status"] = json!({"health": {"status": "Healthy"}});
    wanted["metadata"]["labels"] = json!({"a": "1"});
    let created = installation.call("POST", "/api/v1/applications", Some(wanted.clone())).await;
    assert_eq!(created.status, 200, "{created:?}");
    let stored = installation.stored("guestbook").await;
    assert_eq!(stored.get("operation"), None);
    assert_eq!(stored.get("status"), None);
    assert_eq!(created.body["status"]["health"], json!({}), "clients read it without looking");

    let again = installation.call("POST", "/api/v1/applications", Some(wanted.clone())).await;
    assert_eq!(again.body["metadata"]["resourceVersion"], created.body["metadata"]["resourceVersion"]);

    wanted["spec"]["source"]["targetRevision"] = "v2".into();
    wanted["metadata"]["labels"] = json!({"b": "2"});
    let refused = installation.call("POST", "/api/v1/applications", Some(wanted.clone())).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.body["error"],
        "existing application spec is different; use upsert flag to force update"
    );
    let upserted = installation.call("POST", "/api/v1/applications?upsert=true", Some(wanted)).await;
    assert_eq!(upserted.status, 200, "{upserted:?}");
    let stored = installation.stored("guestbook").await;
    assert_eq!(stored["spec"]["source"]["targetRevision"], "v2");
    assert_eq!(stored["metadata"]["labels"], json!({"a": "1", "b": "2"}));
}

// covers: RPC-114
#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_makes_no_sense_is_refused_with_all_that_is_wrong() {
    let installation = Installation::start().await;
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "narrow"},
        "spec": {"sourceRepos": ["https://git.example.com/ours.git"], "destinations": [{"server": "https://kubernetes.default.svc", "namespace": "ours"}]},
    });
    installation.create_stored("appprojects", project).await;
    let create = async |change: &dyn Fn(&mut Value)| {
        let mut wanted = application("wrong");
        change(&mut wanted);
        installation.call("POST", "/api/v1/applications", Some(wanted)).await
    };
    let no_project = create(&|app| app["spec"]["project"] = "nowhere".into()).await;
    assert_eq!(
        no_project.body["error"],
        "app is not allowed in project \"nowhere\", or the project does not exist"
    );
    // The project was made behind the server's back and may still be on its way.
    let narrow = tiphys_test_kit::wait_until(SOON, "the project is known", || async {
        let answer = create(&|app| app["spec"]["project"] = "narrow".into()).await;
        let text = answer.body["error"].as_str().unwrap_or_default().to_owned();
        if text.contains("is not allowed") { Err(text) } else { Ok(text) }
    })
    .await
    .unwrap();
    assert!(
        narrow.contains(
            "application repo https://git.example.com/apps.git is not permitted in project 'narrow'"
        ),
        "{narrow}"
    );
    assert!(narrow.contains("namespace 'wrong' do not match any of the allowed destinations"), "{narrow}");
    let both = create(&|app| app["spec"]["destination"]["name"] = "in-cluster".into()).await;
    assert_eq!(both.status, 400, "{both:?}");
    let missing =
        create(&|app| app["spec"]["source"]["repoURL"] = "https://git.example.com/missing.git".into()).await;
    assert!(missing.body["error"].as_str().unwrap().contains("repository not accessible"), "{missing:?}");
    let unrendered = create(&|app| app["spec"]["source"]["path"] = "no-such-path".into()).await;
    assert_eq!(unrendered.status, 400, "{unrendered:?}");
    assert_eq!(
        unrendered.body["error"],
        "application spec for wrong is invalid: InvalidSpecError: Unable to generate manifests in no-such-path: no-such-path: app path does not exist"
    );
    let unchecked = installation.call(
        "POST",
        "/api/v1/applications?validate=false",
        Some({
            let mut app = application("unchecked");
            app["spec"]["source"]["repoURL"] = "https://git.example.com/missing.git".into();
            app
        }),
    );
    assert_eq!(unchecked.await.status, 200);
}

// covers: RPC-007
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_sorted_filtered_and_cut_to_the_fields_that_are_asked_for() {
    let installation = Installation::start().await;
    let empty = installation.call("GET", "/api/v1/applications", None).await;
    assert_eq!(empty.body["items"], Value::Null);
    installation.create("b", &json!({"metadata": {"labels": {"team": "x"}}})).await;
    installation
        .create("a", &json!({"spec": {"source": {"repoURL": "https://git.example.com/other.git"}}}))
        .await;
    let names = async |query: &str| {
        let list = installation.call("GET", &format!("/api/v1/applications?{query}"), None).await;
        let items = list.body["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["a", "b"]);
    assert_eq!(names("selector=team%3Dx").await, ["b"]);
    assert_eq!(names("repo=https://git.example.com/other").await, ["a"]);
    assert_eq!(names("projects=default&name=a").await, ["a"]);
    assert!(names("projects=other").await.is_empty());
    let fields = "fields=metadata.resourceVersion,items.metadata.name,items.spec.source.path";
    let list = installation.call("GET", &format!("/api/v1/applications?{fields}"), None).await;
    assert_eq!(list.body["items"][0], json!({"metadata": {"name": "a"}, "spec": {"source": {"path": "a"}}}));
    assert!(list.body["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().is_ok());
    let wrong = installation.call("GET", "/api/v1/applications?selector=a%20b", None).await;
    assert_eq!(wrong.status, 400);
}

// covers: RPC-018, RPC-019, RPC-020, RPC-115
#[tokio::test(flavor = "multi_thread")]
async fn changes_keep_what_the_schema_does_not_know_and_what_is_not_the_users() {
    let installation = Installation::start().await;
    installation.create("guestbook", &json!({"metadata": {"annotations": {"a": "1"}}})).await;
    // The CRD keeps no unknown fields in a spec, but a status written by the controller must survive.
    installation
        .patch_stored(
            "guestbook",
            json!({"status": {"sourceType": "Directory"}, "operation": {"sync": {"revision": "x"}}}),
        )
        .await;

    let patch = r#"[
        {"op": "replace", "path": "/spec/source/targetRevision", "value": "v1"},
        {"op": "add", "path": "/metadata/labels", "value": {"l": "1"}},
        {"op": "add", "path": "/status/sourceType", "value": "Helm"},
        {"op": "add", "path": "/operation", "value": {"sync": {"revision": "evil"}}}
    ]"#;
    let patched = installation
        .call("PATCH", "/api/v1/applications/guestbook", Some(json!({"patch": patch, "patchType": "json"})))
        .await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let stored = installation.stored("guestbook").await;
    assert_eq!(stored["spec"]["source"]["targetRevision"], "v1");
    assert_eq!(stored["metadata"]["labels"], json!({"l": "1"}));
    assert_eq!(stored["status"]["sourceType"], "Directory");
    assert_eq!(stored["operation"]["sync"]["revision"], "x", "starting an operation is another right");

    let merge = json!({"patch": r#"{"spec": {"source": {"targetRevision": null}}, "metadata": {"labels": null}}"#, "patchType": "merge"});
    assert_eq!(installation.call("PATCH", "/api/v1/applications/guestbook", Some(merge)).await.status, 200);
    let stored = installation.stored("guestbook").await;
    assert_eq!(stored["spec"]["source"].get("targetRevision"), None);
    assert_eq!(stored["metadata"].get("labels"), None);
    assert_eq!(stored["metadata"]["annotations"], json!({"a": "1"}));

    let mut spec = application("guestbook")["spec"].clone();
    spec["source"]["directory"] = json!({"recurse": true});
    let answer = installation.call("PUT", "/api/v1/applications/guestbook/spec", Some(spec.clone())).await;
    assert_eq!(answer.body["source"]["directory"], json!({"recurse": true}), "{answer:?}");

    let mut whole = application("guestbook");
    whole["metadata"]["labels"] = json!({"new": "1"});
    let answer = installation.call("PUT", "/api/v1/applications/guestbook", Some(whole)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let stored = installation.stored("guestbook").await;
    assert_eq!(stored["metadata"]["labels"], json!({"new": "1"}));
    assert_eq!(stored["metadata"].get("annotations"), None, "an update replaces them");
    assert_eq!(stored["spec"]["source"].get("directory"), None);
    let strange = installation
        .call(
            "PATCH",
            "/api/v1/applications/guestbook",
            Some(json!({"patch": "{}", "patchType": "strategic"})),
        )
        .await;
    assert_eq!(strange.status, 400);
}

// covers: RPC-021, RPC-117
#[tokio::test(flavor = "multi_thread")]
async fn deleting_sets_the_finalizer_of_the_policy_or_none() {
    let installation = Installation::start().await;
    let delete = async |name: &str, query: &str| {
        installation.create(name, &json!({})).await;
        installation.call("DELETE", &format!("/api/v1/applications/{name}?{query}"), None).await
    };
    assert_eq!(delete("default", "").await.body, json!({}));
    let finalizers = |app: &Value| app["metadata"]["finalizers"].clone();
    assert_eq!(
        finalizers(&installation.stored("default").await),
        json!(["resources-finalizer.argocd.argoproj.io"])
    );
    assert_eq!(delete("background", "propagationPolicy=background").await.status, 200);
    let background = json!(["resources-finalizer.argocd.argoproj.io/background"]);
    assert_eq!(finalizers(&installation.stored("background").await), background);
    assert_eq!(delete("alone", "cascade=false").await.status, 200);
    installation.until("it is gone", "/api/v1/applications?name=alone", |list| list["items"].is_null()).await;
    let both = delete("both", "cascade=false&propagationPolicy=foreground").await;
    assert_eq!(both.body["error"], "cannot set propagation policy when cascading is disabled");
    assert_eq!(delete("strange", "propagationPolicy=orphan").await.status, 400);
}

// covers: RPC-011, RPC-116
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_answered_when_the_controller_has_done_it() {
    let installation = std::sync::Arc::new(Installation::start().await);
    installation.create("guestbook", &json!({})).await;
    let asking = installation.clone();
    let answer =
        tokio::spawn(
            async move { asking.call("GET", "/api/v1/applications/guestbook?refresh=hard", None).await },
        );
    tiphys_test_kit::wait_until(SOON, "the controller is asked", || async {
        let stored = installation.stored("guestbook").await;
        let asked = stored["metadata"]["annotations"]["argocd.argoproj.io/refresh"] == "hard";
        if asked { Ok(()) } else { Err(stored.to_string()) }
    })
    .await
    .unwrap();
    assert!(!answer.is_finished(), "nobody has compared anything yet");
    let done = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": null}}, "status": {"sync": {"status": "Synced"}}});
    installation.patch_stored("guestbook", done).await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.body["status"]["sync"]["status"], "Synced", "{answer:?}");
    let wrong = installation.call("GET", "/api/v1/applications/guestbook?refresh=soft", None).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_begins_with_what_is_there_and_tells_each_change_once() {
    let installation = Installation::start().await;
    installation.create("a", &json!({})).await;
    installation.create("b", &json!({})).await;
    let token = installation.admin().await;
    let path = "/api/v1/stream/applications?fields=result.type,result.application.metadata.name,result.application.status.health";
    let answer = installation.request(Some(&token), "GET", path).send().await.unwrap();
    let mut lines = Lines { stream: Box::pin(answer.bytes_stream()), rest: String::new() };
    let event = |kind: &str, name: &str, health: Value| json!({"result": {"type": kind, "application": {"metadata": {"name": name}, "status": {"health": health}}}});
    assert_eq!(lines.next().await, event("ADDED", "a", json!({})));
    assert_eq!(lines.next().await, event("ADDED", "b", json!({})));
    // What is not asked for is no news.
    installation.patch_stored("a", json!({"status": {"sourceType": "Helm"}})).await;
    installation.patch_stored("a", json!({"status": {"health": {"status": "Healthy"}}})).await;
    let changed = lines.next().await;
    // The first change differs from the event before it only by its type.
    let changed = if changed == event("MODIFIED", "a", json!({})) { lines.next().await } else { changed };
    assert_eq!(changed, event("MODIFIED", "a", json!({"status": "Healthy"})));
    installation.call("DELETE", "/api/v1/applications/b?cascade=false", None).await;
    assert_eq!(lines.next().await, event("DELETED", "b", json!({})));

    let single = installation.request(
        Some(&token),
        "GET",
        "/api/v1/stream/applications?name=a&resourceVersion=999999999",
    );
    let answer = single.send().await.unwrap();
    let mut lines = Lines { stream: Box::pin(answer.bytes_stream()), rest: String::new() };
    assert_eq!(
        lines.next().await["result"]["type"],
        "ADDED",
        "a watch of one begins with it whatever version is given"
    );
}

struct Lines {
    stream: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    rest: String,
}

impl Lines {
    async fn next(&mut self) -> Value {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let value = serde_json::from_str(line).unwrap();
                self.rest = rest.to_owned();
                return value;
            }
            let chunk = tokio::time::timeout(SOON, self.stream.next()).await.unwrap().unwrap().unwrap();
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

// covers: RPC-013, RPC-016, RPC-023, RPC-025, RPC-029, RPC-121
#[tokio::test(flavor = "multi_thread")]
async fn trees_manifests_and_revisions_come_from_the_siblings() {
    let installation = Installation::start().await;
    installation.create("guestbook", &json!({})).await;
    let tree = installation.call("GET", "/api/v1/applications/guestbook/resource-tree", None).await;
    assert_eq!(tree.body["nodes"].as_array().unwrap().len(), 2, "{tree:?}");
    let one =
        installation.call("GET", "/api/v1/applications/guestbook/resource-tree?kind=ReplicaSet", None).await;
    assert_eq!(one.body["nodes"][0]["name"], "web-1");
    let managed =
        installation.call("GET", "/api/v1/applications/guestbook/managed-resources?kind=Service", None).await;
    assert_eq!(managed.body["items"].as_array().unwrap().len(), 1, "{managed:?}");

    let manifests =
        installation.call("GET", "/api/v1/applications/guestbook/manifests?revision=v1", None).await;
    let texts: Vec<Value> = manifests.body["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(texts[0]["data"]["password"], "++++++++");
    assert_eq!(texts[1]["metadata"]["name"], "v1");
    assert_eq!(manifests.body["sourceType"], "Directory");
    let cut = installation.call("GET", "/api/v1/applications/guestbook/manifests?revision=cut", None).await;
    assert_eq!((cut.status, cut.body["code"].as_u64()), (503, Some(14)), "half an answer is none");

    let path = "/api/v1/applications/guestbook/revisions/abc/metadata";
    let metadata = installation.call("GET", path, None).await;
    let expected = json!({"author": "Ada <ada@example.com>", "date": "2026-01-02T03:04:05Z", "message": "change abc", "tags": ["v1"]});
    assert_eq!(metadata.body, expected);
    let resource = "/api/v1/applications/guestbook/resource?namespace=n&resourceName=web&version=v1&group=apps&kind=Deployment";
    let live = installation.call("GET", resource, None).await;
    let live: Value = serde_json::from_str(live.body["manifest"].as_str().unwrap()).unwrap();
    assert_eq!(live["kind"], "Deployment");
    let unbuilt = installation.call("GET", "/api/v1/applications/guestbook/links", None).await;
    assert_eq!(unbuilt.status, 501);
}

// covers: RPC-026
#[tokio::test(flavor = "multi_thread")]
async fn a_watched_tree_is_sent_again_when_it_changes() {
    let installation = Installation::start().await;
    installation.create("guestbook", &json!({})).await;
    let token = installation.admin().await;
    let path = "/api/v1/stream/applications/guestbook/resource-tree";
    let answer = installation.request(Some(&token), "GET", path).send().await.unwrap();
    let mut lines = Lines { stream: Box::pin(answer.bytes_stream()), rest: String::new() };
    assert_eq!(lines.next().await["result"]["nodes"][0]["health"]["status"], "Healthy");
    installation.siblings.tree.send_replace(crate::siblings::tree("Degraded"));
    assert_eq!(lines.next().await["result"]["nodes"][0]["health"]["status"], "Degraded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_watch_does_not_keep_the_server_from_ending() {
    let installation = Installation::start().await;
    let token = installation.admin().await;
    let answer =
        installation.request(Some(&token), "GET", "/api/v1/stream/applications").send().await.unwrap();
    let mut stream = answer.bytes_stream();
    installation.end();
    let begun = std::time::Instant::now();
    while tokio::time::timeout(SOON, stream.next()).await.unwrap().is_some() {}
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}
