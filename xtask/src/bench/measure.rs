//! CPU and memory of the services, and requests to the API server, read from outside.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tiphys_test_kit::{Installation, Service};

use super::floor::round;
use super::kube::Kube;

/// Clock ticks in a second; fixed by Linux's user ABI.
const TICKS: f64 = 100.0;
/// Bytes in a page on the machines this runs on.
const PAGE: u64 = 4096;

/// CPU seconds of a process with the children it has waited for, and its memory in bytes.
fn process(pid: u32) -> Option<(f64, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    Some((ticks / TICKS, fields.get(21)?.parse::<u64>().ok()? * PAGE))
}

/// CPU seconds of each service so far.
pub(crate) fn cpu(installation: &Installation) -> BTreeMap<&'static str, f64> {
    installation
        .pids()
        .into_iter()
        .filter_map(|(service, pid): (Service, u32)| Some((service.name(), process(pid)?.0)))
        .collect()
}

/// Looks at the memory of the services four times a second until it is asked for the peaks.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(BTreeMap<&'static str, u64>, u64)>,
}

impl Sampler {
    pub(crate) fn start(installation: &Installation) -> Self {
        let pids = installation.pids();
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut peaks = BTreeMap::new();
            let mut together = 0;
            while !stopping.load(Ordering::Relaxed) {
                let mut sum = 0;
                for (service, pid) in &pids {
                    let bytes = process(*pid).map_or(0, |(_, bytes)| bytes);
                    let peak: &mut u64 = peaks.entry(service.name()).or_default();
                    *peak = (*peak).max(bytes);
                    sum += bytes;
                }
                together = together.max(sum);
                std::thread::sleep(Duration::from_millis(250));
            }
            (peaks, together)
        });
        Self { stop, thread }
    }

    /// Peaks in MiB, each service's and of all together.
    pub(crate) fn peaks(self) -> Value {
        self.stop.store(true, Ordering::Relaxed);
        let (peaks, together) = self.thread.join().unwrap_or_default();
        let mut all: serde_json::Map<String, Value> =
            peaks.into_iter().map(|(name, bytes)| (name.to_owned(), json!(bytes >> 20))).collect();
        all.insert("together".to_owned(), json!(together >> 20));
        Value::Object(all)
    }
}

/// All requests that the API server has answered, by verb, from whomever they came.
pub(crate) async fn requests(kube: &Kube) -> Result<BTreeMap<String, u64>> {
    let mut all = BTreeMap::new();
    for line in kube.get_text("/metrics").await?.lines() {
        let Some(series) = line.strip_prefix("apiserver_request_total{") else { continue };
        let Some((labels, value)) = series.rsplit_once("} ") else { continue };
        let verb = labels.split("verb=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        *all.entry(verb.to_owned()).or_default() += value.parse::<f64>().unwrap_or(0.0) as u64;
    }
    Ok(all)
}

/// Requests of the services alone, by verb and kind, from the audit log; `from` is the length that was counted before.
pub(crate) fn own_requests(audit_log: &Path, from: u64) -> Result<(BTreeMap<String, u64>, u64)> {
    let text = std::fs::read(audit_log)?;
    let mut all = BTreeMap::new();
    let start = usize::try_from(from)?.min(text.len());
    for line in text.get(start..).unwrap_or_default().split(|byte| *byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { continue };
        if !event["userAgent"].as_str().unwrap_or_default().starts_with("tiphys") {
            continue;
        }
        let what = format!(
            "{} {}",
            event["verb"].as_str().unwrap_or_default(),
            event.pointer("/objectRef/resource").and_then(Value::as_str).unwrap_or("-")
        );
        *all.entry(what).or_default() += 1;
    }
    Ok((all, text.len() as u64))
}

/// What grew between two counts.
pub(crate) fn grown(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    after
        .iter()
        .map(|(verb, count)| (verb.clone(), count - before.get(verb).copied().unwrap_or(0).min(*count)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// CPU seconds between two looks, each service's and together.
pub(crate) fn cpu_between(
    before: &BTreeMap<&'static str, f64>,
    after: &BTreeMap<&'static str, f64>,
) -> Value {
    let mut all = serde_json::Map::new();
    let mut together = 0.0;
    for (name, seconds) in after {
        let used = seconds - before.get(name).copied().unwrap_or(0.0);
        together += used;
        all.insert((*name).to_owned(), json!(round(used)));
    }
    all.insert("together".to_owned(), json!(round(together)));
    Value::Object(all)
}
