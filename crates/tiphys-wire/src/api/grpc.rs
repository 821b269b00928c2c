//! gRPC and gRPC-Web: frames of five bytes and a message, and where each of the two puts the status.

use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};

use super::document::Document;
use super::router::{Answer, Reply, Router, Wire};
use crate::error::{ErrorKind, WireError};

const PREFIX: usize = 5;
const TRAILER_FLAG: u8 = 0x80;
/// The longest status message that is sent; HTTP headers have limits.
const MAX_MESSAGE: usize = 6 * 1024;

impl Router {
    pub(super) async fn serve_grpc(&self, request: Request<Body>, wire: Wire) -> Response<Body> {
        let deadline = timeout(request.headers());
        let call = self.call_grpc(request, wire);
        let result = match deadline {
            Some(deadline) => tokio::time::timeout(deadline, call)
                .await
                .unwrap_or_else(|_| Err(WireError::deadline_exceeded("the caller's deadline passed"))),
            None => call.await,
        };
        result.unwrap_or_else(|error| refusal(wire, &error))
    }

    async fn call_grpc(&self, request: Request<Body>, wire: Wire) -> Result<Response<Body>, WireError> {
        let (parts, body) = request.into_parts();
        let Some((index, method)) = self.method_by_path(parts.uri.path()) else {
            return Err(WireError::unimplemented(format!("unknown method {}", parts.uri.path())));
        };
        if method.client_streaming {
            return Err(WireError::unimplemented(format!(
                "{}/{} is not available in this version of the server",
                method.service, method.name
            )));
        }
        let message = single_message(body, self.limits.request_bytes).await?;
        let value = self
            .schema
            .decode_index(method.input, &message)
            .map_err(|error| WireError::invalid_argument(format!("read the request: {error}")))?;
        let context = Self::context(method, wire, &parts);
        let output = method.output;
        match self.invoke(index, method, value, context).await? {
            Reply::One(Answer { body, metadata, .. }) => {
                let frame = self.frame(output, &body)?;
                let mut response = answer(wire, futures::stream::iter([Ok(frame)]).boxed());
                for (key, value) in metadata {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        response.headers_mut().insert(HeaderName::from_static(key), value);
                    }
                }
                Ok(response)
            }
            Reply::Stream(documents) => {
                let schema = self.schema.clone();
                let frames = documents.map(move |document| {
                    let bytes = schema.encode_index(output, &document?);
                    bytes.map_err(|error| unencodable(&error)).map(|bytes| framed(0, &bytes))
                });
                Ok(answer(wire, frames.boxed()))
            }
        }
    }

    fn frame(&self, output: usize, body: &Document) -> Result<Bytes, WireError> {
        self.schema
            .encode_index(output, body)
            .map(|bytes| framed(0, &bytes))
            .map_err(|error| unencodable(&error))
    }
}

fn unencodable(error: &super::schema::CodecError) -> WireError {
    tracing::error!(error = %error, "an answer does not fit the API's schema");
    WireError::internal(format!("write the answer: {error}"))
}

/// The one message of a request that is not a stream.
async fn single_message(body: Body, limit: usize) -> Result<Bytes, WireError> {
    let collected = Limited::new(body, limit.saturating_add(PREFIX)).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            WireError::resource_exhausted(format!("the request is larger than {limit} bytes"))
        } else {
            WireError::new(ErrorKind::Cancelled, "the request was not sent completely")
        }
    })?;
    let mut bytes = collected.to_bytes();
    let Some(prefix) = bytes.get(..PREFIX) else {
        return Err(WireError::internal("the request has no message"));
    };
    let (compressed, length) = match prefix {
        [flag, a, b, c, d] => (*flag, u32::from_be_bytes([*a, *b, *c, *d]) as usize),
        _ => return Err(WireError::internal("the request has no message")),
    };
    if compressed != 0 {
        return Err(WireError::unimplemented("compressed messages are not accepted"));
    }
    let mut message = bytes.split_off(PREFIX);
    if message.len() < length {
        return Err(WireError::internal("the message is cut short"));
    }
    message.truncate(length);
    Ok(message)
}

fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(flag);
    // A message of four gigabytes does not come to be; if it did, the length would not tell the truth.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

fn answer(wire: Wire, frames: BoxStream<'static, Result<Bytes, WireError>>) -> Response<Body> {
    let body = match wire {
        Wire::GrpcWeb => Body::new(StreamBody::new(with_end(frames, |status| {
            Frame::data(framed(TRAILER_FLAG, trailer_text(status).as_bytes()))
        }))),
        _ => Body::new(StreamBody::new(with_end(frames, |status| Frame::trailers(trailers(status))))),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, grpc_content_type(wire));
    response
}

type FrameResult = Result<Frame<Bytes>, std::convert::Infallible>;

/// The messages and, after the last or at the first error, the status.
fn with_end(
    frames: BoxStream<'static, Result<Bytes, WireError>>,
    end: fn(Option<&WireError>) -> Frame<Bytes>,
) -> impl Stream<Item = FrameResult> + Send {
    futures::stream::unfold(Some(frames), move |frames| async move {
        let mut frames = frames?;
        match frames.next().await {
            Some(Ok(frame)) => Some((Ok(Frame::data(frame)), Some(frames))),
            Some(Err(error)) => Some((Ok(end(Some(&error))), None)),
            None => Some((Ok(end(None)), None)),
        }
    })
}

/// An answer without messages. gRPC-Web clients of the reference look for the status in the headers alone, others in a
/// last frame: it is in both.
fn refusal(wire: Wire, error: &WireError) -> Response<Body> {
    let body = match wire {
        Wire::GrpcWeb => Body::from(framed(TRAILER_FLAG, trailer_text(Some(error)).as_bytes())),
        _ => Body::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    *response.headers_mut() = trailers(Some(error));
    if wire == Wire::GrpcWeb {
        // Shown to people as it is, without decoding.
        let shown: String = error.message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if let Ok(value) = HeaderValue::from_bytes(cut(&shown).as_bytes()) {
            response.headers_mut().insert("grpc-message", value);
        }
    }
    response.headers_mut().insert(header::CONTENT_TYPE, grpc_content_type(wire));
    response
}

fn grpc_content_type(wire: Wire) -> HeaderValue {
    HeaderValue::from_static(match wire {
        Wire::GrpcWeb => "application/grpc-web+proto",
        _ => "application/grpc",
    })
}

fn trailers(error: Option<&WireError>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let code = error.map_or(0, |error| error.kind.grpc_code());
    trailers.insert("grpc-status", HeaderValue::from(u16::from(code)));
    if let Some(error) = error
        && let Ok(value) = HeaderValue::from_str(&percent_encode(cut(&error.message)))
    {
        trailers.insert("grpc-message", value);
    }
    trailers
}

fn trailer_text(error: Option<&WireError>) -> String {
    match error {
        None => "grpc-status:0\r\n".to_owned(),
        Some(error) => format!(
            "grpc-status:{}\r\ngrpc-message:{}\r\n",
            error.kind.grpc_code(),
            percent_encode(cut(&error.message))
        ),
    }
}

fn cut(message: &str) -> &str {
    message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or(message)
}

/// gRPC's own encoding of a status message: everything but printable ASCII, and the percent sign.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The caller's deadline (`grpc-timeout`): up to eight digits and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_with_its_unit() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", HeaderValue::from_static(text));
            timeout(&headers)
        };
        assert_eq!(of("10S"), Some(Duration::from_secs(10)));
        assert_eq!(of("99999999m"), Some(Duration::from_millis(99_999_999)));
        for wrong in ["", "S", "10", "-1S", "999999999S", "1x"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_status_message_survives_as_ascii() {
        assert_eq!(percent_encode("50% of ä\n"), "50%25 of %C3%A4%0A");
    }
}
