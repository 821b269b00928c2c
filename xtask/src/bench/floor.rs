//! The floor: what the API server itself needs to create the objects.

use std::time::Instant;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::kube::Kube;
use super::{BenchArgs, load};

/// How many requests are in flight at once.
const IN_FLIGHT: usize = 8;

/// Creates all objects in namespaces of their own, and deletes those again.
pub(crate) async fn measure(kube: &Kube, args: &BenchArgs) -> Result<Value> {
    let namespace = |i: usize| format!("floor-ns-{}", i % args.namespaces.max(1));
    for k in 0..args.namespaces {
        kube.create("/api/v1/namespaces", &json!({"metadata": {"name": namespace(k)}}), &[201]).await?;
    }
    let writes: Vec<(String, Value)> = (0..args.apps)
        .flat_map(|i| load::objects(i, args.resources, "1").into_iter().map(move |object| (i, object)))
        .map(|(i, object)| {
            let namespace = namespace(i);
            let path = match object["kind"].as_str() {
                Some("ConfigMap") => format!("/api/v1/namespaces/{namespace}/configmaps"),
                Some("Service") => format!("/api/v1/namespaces/{namespace}/services"),
                _ => format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
            };
            (path, object)
        })
        .collect();
    let objects = writes.len();
    let start = Instant::now();
    stream::iter(writes)
        .map(|(path, object)| async move { kube.create(&path, &object, &[201]).await })
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<Vec<()>>()
        .await?;
    let seconds = start.elapsed().as_secs_f64();
    for k in 0..args.namespaces {
        kube.delete(&format!("/api/v1/namespaces/{}", namespace(k))).await?;
    }
    Ok(
        json!({"objects": objects, "seconds": round(seconds), "per_second": (objects as f64 / seconds).round()}),
    )
}

/// Two digits are more than a shared machine repeats.
pub(crate) fn round(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}
