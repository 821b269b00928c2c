//! The phases of the benchmark: each does one thing to all applications and waits until it is visible.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tiphys_test_kit::{GitRepo, Installation};

use super::floor::round;
use super::kube::Kube;
use super::{BenchArgs, load, measure, row};

const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
/// How many requests of the benchmark itself are in flight.
const IN_FLIGHT: usize = 16;
/// How many objects are changed by hand to see them healed.
const DRIFTS: usize = 20;

pub(crate) struct Context<'a> {
    pub(crate) args: &'a BenchArgs,
    pub(crate) kube: &'a Kube,
    pub(crate) installation: &'a Installation,
    pub(crate) audit_log: Option<PathBuf>,
}

/// Runs the phases in the order asked for and writes their figures.
pub(crate) async fn run(context: &Context<'_>, figures: &mut Value) -> Result<()> {
    let repo = GitRepo::new()?;
    figures["phases"] = json!({});
    for name in &context.args.phases {
        let result = match name.as_str() {
            "cold" => measured(context, cold(context, &repo)).await?,
            "commit" => measured(context, commit(context, &repo)).await?,
            "refresh" => measured(context, refresh(context)).await?,
            "heal" => measured(context, heal(context)).await?,
            "list" => measured(context, list(context)).await?,
            "idle" => measured(context, idle()).await?,
            "delete" => measured(context, delete(context)).await?,
            other => bail!("there is no phase {other:?}"),
        };
        println!("{}", row(name, &result));
        figures["phases"][name] = result;
    }
    Ok(())
}

async fn measured(context: &Context<'_>, phase: impl Future<Output = Result<Value>>) -> Result<Value> {
    let requests = measure::requests(context.kube).await?;
    let counted = match &context.audit_log {
        Some(log) => measure::own_requests(log, 0)?.1,
        None => 0,
    };
    let cpu = measure::cpu(context.installation);
    let sampler = measure::Sampler::start(context.installation);
    let start = Instant::now();
    let mut figures = phase.await?;
    figures["wall_s"] = json!(round(start.elapsed().as_secs_f64()));
    figures["cpu_s"] = measure::cpu_between(&cpu, &measure::cpu(context.installation));
    figures["peak_mib"] = sampler.peaks();
    let grown = measure::grown(&requests, &measure::requests(context.kube).await?);
    figures["api_requests"] = json!(grown);
    figures["api_requests_sum"] = json!(grown.values().sum::<u64>());
    if let Some(log) = &context.audit_log {
        let (own, _) = measure::own_requests(log, counted)?;
        figures["own_requests_sum"] = json!(own.values().sum::<u64>());
        figures["own_requests"] = json!(own);
    }
    Ok(figures)
}

/// From nothing to everything synced and healthy.
async fn cold(context: &Context<'_>, repo: &GitRepo) -> Result<Value> {
    load::write(repo, context.args, "1")?;
    for k in 0..context.args.namespaces {
        let namespace = json!({"metadata": {"name": load::namespace(k, context.args.namespaces)}});
        context.kube.create("/api/v1/namespaces", &namespace, &[201, 409]).await?;
    }
    let url = repo.url();
    each(context.args.apps, |i| {
        let app = load::application(i, context.args.namespaces, &url);
        async move { context.kube.create(APPLICATIONS, &app, &[201]).await }
    })
    .await?;
    wait(context, |app| synced(app) && healthy(app)).await
}

/// A commit that touches every application.
async fn commit(context: &Context<'_>, repo: &GitRepo) -> Result<Value> {
    let version = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().to_string();
    let revision = load::write(repo, context.args, &version)?;
    ask_all(context, "normal").await?;
    let revision = revision.as_str();
    wait(context, |app| {
        let at = |pointer: &str| app.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        synced(app)
            && at("/status/sync/revision") == revision
            && at("/status/operationState/phase") == "Succeeded"
            && at("/status/operationState/syncResult/revision") == revision
    })
    .await
}

/// A hard refresh of everything: nothing may come from a cache.
async fn refresh(context: &Context<'_>) -> Result<Value> {
    let before = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    // reconciledAt has whole seconds; the next second tells a new one apart.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    ask_all(context, "hard").await?;
    wait(context, |app| {
        app.pointer("/metadata/annotations/argocd.argoproj.io~1refresh").is_none()
            && app.pointer("/status/reconciledAt").and_then(Value::as_str).unwrap_or_default()
                > before.as_str()
    })
    .await
}

async fn ask_all(context: &Context<'_>, how: &str) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": how}}});
    each(context.args.apps, |i| {
        let patch = &patch;
        async move { context.kube.merge(&format!("{APPLICATIONS}/{}", load::name(i)), patch).await }
    })
    .await
}

/// Changes one object by hand, twenty times, and waits each time until it is undone.
async fn heal(context: &Context<'_>) -> Result<Value> {
    let mut latencies = Vec::new();
    for i in 0..DRIFTS.min(context.args.apps) {
        let path = format!(
            "/api/v1/namespaces/{}/configmaps/{}-cm-0",
            load::namespace(i, context.args.namespaces),
            load::name(i)
        );
        let wanted = context.kube.get(&path).await?["data"]["version"].clone();
        let start = Instant::now();
        context.kube.merge(&path, &json!({"data": {"version": "drifted"}})).await?;
        while start.elapsed() < Duration::from_secs(60) {
            if context.kube.get(&path).await?["data"]["version"] == wanted {
                latencies.push(start.elapsed().as_secs_f64());
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    latencies.sort_by(f64::total_cmp);
    Ok(json!({
        "healed": latencies.len(),
        "p50_s": latencies.get(latencies.len() / 2).map(|s| round(*s)),
        "max_s": latencies.last().map(|s| round(*s)),
    }))
}

/// The list of all applications from the API server of Tiphys, without a sign-in it is refused quickly.
async fn list(context: &Context<'_>) -> Result<Value> {
    let client = reqwest::Client::new();
    let mut seconds = Vec::new();
    let mut bytes = 0;
    for _ in 0..10 {
        let start = Instant::now();
        let answer =
            client.get(format!("{}/api/v1/applications", context.installation.api_url())).send().await?;
        bytes = answer.bytes().await?.len();
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(json!({"bytes": bytes, "p50_ms": seconds.get(5).map(|s| round(s * 1000.0))}))
}

/// Nothing happens, and should cost nothing.
async fn idle() -> Result<Value> {
    tokio::time::sleep(Duration::from_secs(20)).await;
    Ok(json!({}))
}

/// Deletes all applications with everything they own.
async fn delete(context: &Context<'_>) -> Result<Value> {
    let start = Instant::now();
    each(context.args.apps, |i| async move {
        context.kube.delete(&format!("{APPLICATIONS}/{}", load::name(i))).await
    })
    .await?;
    while start.elapsed().as_secs() < context.args.timeout {
        let left = context.kube.get(APPLICATIONS).await?["items"].as_array().map_or(0, Vec::len);
        if left == 0 {
            return Ok(json!({"all_s": round(start.elapsed().as_secs_f64())}));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    bail!("not all applications were deleted within {} s", context.args.timeout)
}

async fn each<F: Future<Output = Result<()>>>(count: usize, work: impl Fn(usize) -> F) -> Result<()> {
    stream::iter((0..count).map(work)).buffer_unordered(IN_FLIGHT).try_collect::<Vec<()>>().await.map(drop)
}

/// Polls until every application satisfies `done`; seconds at which each first did.
async fn wait(context: &Context<'_>, done: impl Fn(&Value) -> bool) -> Result<Value> {
    let start = Instant::now();
    let mut at: HashMap<String, f64> = HashMap::new();
    while at.len() < context.args.apps && start.elapsed().as_secs() < context.args.timeout {
        let list = context.kube.get(&format!("{APPLICATIONS}?resourceVersion=0")).await?;
        let now = start.elapsed().as_secs_f64();
        for app in list["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = app["metadata"]["name"].as_str().unwrap_or_default();
            if !at.contains_key(name) && done(app) {
                at.insert(name.to_owned(), now);
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let mut seconds: Vec<f64> = at.values().copied().collect();
    seconds.sort_by(f64::total_cmp);
    let quantile =
        |percent: usize| seconds.get((seconds.len() * percent / 100).min(seconds.len().saturating_sub(1)));
    Ok(json!({
        "done": seconds.len(),
        "p50_s": quantile(50).map(|s| round(*s)),
        "p95_s": quantile(95).map(|s| round(*s)),
        "all_s": (seconds.len() == context.args.apps).then(|| seconds.last().map(|s| round(*s))).flatten(),
    }))
}

fn synced(app: &Value) -> bool {
    app.pointer("/status/sync/status").and_then(Value::as_str) == Some("Synced")
}

fn healthy(app: &Value) -> bool {
    app.pointer("/status/health/status").and_then(Value::as_str) == Some("Healthy")
}
