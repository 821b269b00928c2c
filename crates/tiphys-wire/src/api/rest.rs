//! REST in the dialect of grpc-gateway, which the reference's web page, scripts and integrations speak.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, Method as Verb, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use super::document::Document;
use super::route::{BodyTo, query_pairs};
use super::router::{Answer, Reply, Router, Wire, content_type};
use super::schema::{CodecError, Method};
use super::select::Selection;
use crate::error::{ErrorKind, WireError};

/// Comments on an idle event stream keep proxies from closing it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl Router {
    pub(super) async fn serve_rest(&self, request: Request<Body>) -> Response<Body> {
        let verb = request.method().clone();
        let path = request.uri().path().to_owned();
        if verb != Verb::GET && verb != Verb::HEAD && !self.accepts(content_type(request.headers())) {
            return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Invalid content type");
        }
        let mut known_path = false;
        for (index, route) in &self.routes {
            let Some(method) = self.schema.methods().get(*index) else { continue };
            let Some(route) = method.routes.get(*route) else { continue };
            let Some(captures) = route.captures(&path) else { continue };
            known_path = true;
            if route.verb != verb && !(verb == Verb::HEAD && route.verb == Verb::GET) {
                continue;
            }
            let captures: Vec<(String, String)> =
                captures.into_iter().map(|(field, text)| (field.to_owned(), text)).collect();
            let events =
                request.headers().get(header::ACCEPT).is_some_and(|value| value == "text/event-stream");
            let selection = request
                .uri()
                .query()
                .and_then(|query| query_pairs(query).find(|(key, _)| key == "fields"))
                .and_then(|(_, fields)| Selection::parse(&fields));
            let result = self.call_rest(*index, method, &route.body, captures, request).await;
            return match result {
                Ok(Reply::One(answer)) => one(answer, selection.as_ref()),
                Ok(Reply::Stream(documents)) => stream(documents, selection, events),
                Err(error) if method.server_streaming => stream_refusal(&error, events),
                Err(error) => refusal(&error),
            };
        }
        // grpc-gateway's own answers.
        if known_path {
            return refusal(&WireError::unimplemented("Method Not Allowed"));
        }
        refusal(&WireError::not_found("Not Found"))
    }

    /// An exact comparison: `application/json; charset=utf-8` is refused by the reference too, and it keeps forms of
    /// other sites out.
    fn accepts(&self, content_type: &str) -> bool {
        let allowed = &self.limits.content_types;
        allowed.is_empty() || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(content_type))
    }

    async fn call_rest(
        &self,
        index: usize,
        method: &Method,
        body_to: &BodyTo,
        captures: Vec<(String, String)>,
        request: Request<Body>,
    ) -> Result<Reply, WireError> {
        let (parts, body) = request.into_parts();
        let mut message = Value::Object(serde_json::Map::new());
        if *body_to != BodyTo::Nothing
            && let Some(content) = self.json_body(body).await?
        {
            match body_to {
                BodyTo::Field(field) => {
                    message = serde_json::json!({ field.as_str(): content });
                }
                _ => message = content,
            }
        }
        self.schema.admit(method.input, &mut message).map_err(|error| invalid(&error))?;
        if *body_to != BodyTo::Message {
            // A path parameter is not to be set by the query too.
            let in_path = |key: &str| captures.iter().any(|(field, _)| field == key);
            for (key, text) in query_pairs(parts.uri.query().unwrap_or_default()) {
                let in_body = matches!(body_to, BodyTo::Field(field) if key == *field || key.starts_with(&format!("{field}.")));
                if !in_path(&key) && !in_body {
                    self.schema
                        .put_parameter(method.input, &mut message, &key, &text)
                        .map_err(|error| invalid(&error))?;
                }
            }
        }
        for (field, text) in &captures {
            self.schema
                .put_parameter(method.input, &mut message, field, text)
                .map_err(|error| invalid(&error))?;
        }
        let context = Self::context(method, Wire::Rest, &parts);
        self.invoke(index, method, message, context).await
    }

    async fn json_body(&self, body: Body) -> Result<Option<Value>, WireError> {
        let limit = self.limits.request_bytes;
        let bytes = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                WireError::resource_exhausted(format!("the request is larger than {limit} bytes"))
            } else {
                WireError::new(ErrorKind::Cancelled, "the request was not sent completely")
            }
        })?;
        let bytes = bytes.to_bytes();
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| WireError::invalid_argument(format!("read the request's JSON: {error}")))
    }
}

fn invalid(error: &CodecError) -> WireError {
    WireError::invalid_argument(format!("read the request: {error}"))
}

fn one(answer: Answer, selection: Option<&Selection>) -> Response<Body> {
    let text = match selection {
        Some(selection) => Document::from(selection.apply(answer.body.node())).to_json(),
        None => answer.body.to_json(),
    };
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for cookie in answer.cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    }
    for (key, value) in answer.metadata {
        let name = HeaderName::try_from(format!("grpc-metadata-{key}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    response
}

fn refusal(error: &WireError) -> Response<Body> {
    let body = Document::object([
        ("error", error.message.as_str().into()),
        ("code", Value::from(error.kind.grpc_code()).into()),
        ("message", error.message.as_str().into()),
    ]);
    let mut response = Response::new(Body::from(body.to_json()));
    *response.status_mut() = status(error.kind);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn status(kind: ErrorKind) -> StatusCode {
    StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn stream_error(error: &WireError) -> Document {
    let status = status(error.kind);
    Document::object([(
        "error",
        Document::object([
            ("grpc_code", Value::from(error.kind.grpc_code()).into()),
            ("http_code", Value::from(status.as_u16()).into()),
            ("message", error.message.as_str().into()),
            ("http_status", status.canonical_reason().unwrap_or_default().into()),
        ]),
    )])
}

fn chunk(document: &Document, events: bool) -> Bytes {
    let text = document.to_json();
    let mut chunk = Vec::with_capacity(text.len() + 10);
    if events {
        chunk.extend_from_slice(b"data: ");
        chunk.extend_from_slice(&text);
        chunk.extend_from_slice(b" \n\n\n");
    } else {
        chunk.extend_from_slice(&text);
        chunk.push(b'\n');
    }
    chunk.into()
}

fn stream_headers(response: &mut Response<Body>, events: bool) {
    let content_type = if events { "text/event-stream" } else { "application/json" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that collect answers before they pass them on are told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
}

fn stream_refusal(error: &WireError, events: bool) -> Response<Body> {
    let mut response = Response::new(Body::from(chunk(&stream_error(error), events)));
    *response.status_mut() = status(error.kind);
    stream_headers(&mut response, events);
    response
}

fn stream(
    documents: futures::stream::BoxStream<'static, Result<Document, WireError>>,
    selection: Option<Selection>,
    events: bool,
) -> Response<Body> {
    let mut response = Response::new(Body::from_stream(chunks(documents, selection, events)));
    stream_headers(&mut response, events);
    response
}

fn chunks(
    documents: futures::stream::BoxStream<'static, Result<Document, WireError>>,
    selection: Option<Selection>,
    events: bool,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send {
    let state = (Some(documents), Repeats::default());
    futures::stream::unfold(state, move |(documents, mut repeats)| {
        let selection = selection.clone();
        async move {
            let mut documents = documents?;
            loop {
                let next = match events {
                    true => match tokio::time::timeout(KEEP_ALIVE, documents.next()).await {
                        Ok(next) => next,
                        Err(_) => return Some((Ok(Bytes::from_static(b":\n")), (Some(documents), repeats))),
                    },
                    false => documents.next().await,
                };
                match next? {
                    Ok(document) => {
                        let name = Repeats::name(&document);
                        let mut document = Document::object([("result", document)]);
                        if let Some(selection) = &selection {
                            document = selection.apply(document.node()).into();
                        }
                        let chunk = chunk(&document, events);
                        if !repeats.seen(name, &chunk) {
                            return Some((Ok(chunk), (Some(documents), repeats)));
                        }
                    }
                    Err(error) => {
                        let chunk = chunk(&stream_error(&error), events);
                        return Some((Ok(chunk), (None, repeats)));
                    }
                }
            }
        }
    })
}

/// Finds events that, after selection, say again what was said of the same object last. Most changes of a status touch
/// nothing of what a list shows.
#[derive(Default)]
struct Repeats(HashMap<String, u64>);

impl Repeats {
    /// The object of a watch event; `None` for what is no event.
    fn name(document: &Document) -> Option<String> {
        let metadata = document.node().get("application")?.get("metadata")?;
        let text = |key| metadata.get(key).and_then(|node| node.value()?.as_str()).unwrap_or_default();
        Some(format!("{}/{}", text("namespace"), text("name")))
    }

    fn seen(&mut self, name: Option<String>, chunk: &[u8]) -> bool {
        let Some(name) = name else { return false };
        let mut hasher = DefaultHasher::new();
        chunk.hash(&mut hasher);
        let hash = hasher.finish();
        self.0.insert(name, hash) == Some(hash)
    }
}
