//! Counters of calls under the names that gRPC's Prometheus libraries gave them and that the reference's dashboards use.

use futures::StreamExt as _;
use prometheus::{IntCounterVec, Opts, Registry};

use super::router::Reply;
use super::schema::Method;
use crate::error::WireError;

/// `grpc_server_started_total`, `grpc_server_handled_total`, `grpc_server_msg_received_total` and
/// `grpc_server_msg_sent_total`. Calls over REST count like the gRPC calls that they stand for.
#[derive(Debug, Clone)]
pub struct CallMetrics {
    started: IntCounterVec,
    handled: IntCounterVec,
    received: IntCounterVec,
    sent: IntCounterVec,
}

impl CallMetrics {
    /// Makes the counters and registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let labels = ["grpc_type", "grpc_service", "grpc_method"];
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            started: counter("grpc_server_started_total", "Calls begun.", &labels)?,
            handled: counter(
                "grpc_server_handled_total",
                "Calls ended, by code.",
                &["grpc_type", "grpc_service", "grpc_method", "grpc_code"],
            )?,
            received: counter("grpc_server_msg_received_total", "Messages received.", &labels)?,
            sent: counter("grpc_server_msg_sent_total", "Messages sent.", &labels)?,
        })
    }

    pub(super) fn begin(&self, method: &Method) -> Watched {
        let labels = [method.kind().to_owned(), method.service.clone(), method.name.clone()];
        let texts = [labels[0].as_str(), &labels[1], &labels[2]];
        self.started.with_label_values(&texts).inc();
        self.received.with_label_values(&texts).inc();
        Watched { metrics: self.clone(), labels, code: "Canceled" }
    }
}

/// A call under way. Dropped without an end, it counts as cancelled.
pub(super) struct Watched {
    metrics: CallMetrics,
    labels: [String; 3],
    code: &'static str,
}

impl Watched {
    fn texts(&self) -> [&str; 3] {
        [&self.labels[0], &self.labels[1], &self.labels[2]]
    }

    fn sent(&self) {
        self.metrics.sent.with_label_values(&self.texts()).inc();
    }

    pub(super) fn end(mut self, result: Result<Reply, WireError>) -> Result<Reply, WireError> {
        match result {
            Ok(Reply::One(answer)) => {
                self.sent();
                self.code = "OK";
                Ok(Reply::One(answer))
            }
            Ok(Reply::Stream(stream)) => {
                let ended =
                    futures::stream::unfold((stream, Some(self)), |(mut stream, watched)| async move {
                        let mut watched = watched?;
                        match stream.next().await {
                            Some(Ok(message)) => {
                                watched.sent();
                                Some((Ok(message), (stream, Some(watched))))
                            }
                            Some(Err(error)) => {
                                watched.code = error.kind.grpc_name();
                                Some((Err(error), (stream, None)))
                            }
                            None => {
                                watched.code = "OK";
                                None
                            }
                        }
                    });
                Ok(Reply::Stream(ended.boxed()))
            }
            Err(error) => {
                self.code = error.kind.grpc_name();
                Err(error)
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let [kind, service, method] = self.texts();
        self.metrics.handled.with_label_values(&[kind, service, method, self.code]).inc();
    }
}
