//! The HTTP side of the one port: the API, health, signing out, and headers that keep browsers safe.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use tiphys_identity::{COOKIE_NAME, cleared_cookies};
use tiphys_wire::api::{Context, Router, Wire};
use tower_http::compression::CompressionLayer;

use crate::access::token;
use crate::server::Shared;

#[derive(Clone)]
struct Web {
    server: Shared,
    api: std::sync::Arc<Router>,
}

/// Everything that the web port serves.
pub(crate) fn app(server: &Shared, api: Router) -> axum::Router {
    let web = Web { server: server.clone(), api: std::sync::Arc::new(api) };
    let mut app = axum::Router::new()
        .route("/healthz", get(health))
        .route("/auth/logout", any(logout))
        .fallback(fallback)
        .with_state(web.clone());
    if server.config.gzip {
        // Streams of events and gRPC are left alone by the layer itself.
        app = app.layer(CompressionLayer::new());
    }
    app.layer(middleware::from_fn_with_state(web, around))
}

/// The API is asked first, whatever the path is: gRPC-Web clients put their own root before it.
async fn fallback(State(web): State<Web>, request: Request) -> Response {
    if Router::wants(&request) {
        return web.api.serve(request).await;
    }
    let page = "Tiphys serves the API of Argo CD here: gRPC, gRPC-Web, and REST below /api/. This build has no web page.\n";
    match *request.method() {
        Method::GET | Method::HEAD if request.uri().path() == "/" => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], page).into_response()
        }
        _ => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
    }
}

async fn health(State(web): State<Web>, uri: Uri) -> Response {
    // With `full=true` the reference looks at the cluster; here the watches say whether it is in reach.
    let full = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "full=true"));
    match web.server.readiness() {
        Err(reason) if full => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
        _ => (StatusCode::OK, "ok").into_response(),
    }
}

/// Signs a browser or the command line out: revokes the token and clears every part of its cookie.
async fn logout(State(web): State<Web>, request: Request) -> Response {
    let server = &web.server;
    let context = Context {
        wire: Wire::Rest,
        headers: request.headers().clone(),
        peer: request.extensions().get::<SocketAddr>().copied(),
        service: "session.SessionService".into(),
        method: "Logout".into(),
    };
    if token(&context).is_none_or(|token| token.is_empty()) {
        return (StatusCode::BAD_REQUEST, "the request has no session\n").into_response();
    }
    server.end_session(&context);
    let mut cookies = cleared_cookies(&server.cookie_attributes());
    for header in request.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()) {
        let names = header.split(';').filter_map(|pair| pair.trim().split_once('=')).map(|(name, _)| name);
        for name in names.filter(|name| name.starts_with(COOKIE_NAME) && *name != COOKIE_NAME) {
            cookies.push(format!("{name}=; {}", server.cookie_attributes().join("; ")));
        }
    }
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(target) = HeaderValue::from_str(&server.config.base_href) {
        headers.insert(header::LOCATION, target);
    }
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    }
    response
}

/// Takes the root path away and adds the headers of every answer to a browser.
async fn around(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let config = &web.server.config;
    if !config.root_path.is_empty()
        && let Some(uri) = without_root(request.uri(), &config.root_path)
    {
        *request.uri_mut() = uri;
    }
    let grpc = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/grpc"));
    let mut response: Response<Body> = next.run(request).await;
    if grpc {
        return response;
    }
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    set(header::X_FRAME_OPTIONS, &config.x_frame_options);
    set(header::CONTENT_SECURITY_POLICY, &config.content_security_policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_XSS_PROTECTION, "1");
    set(HeaderName::from_static("x-robots-tag"), "noindex, nofollow");
    response
}

fn without_root(uri: &Uri, root: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(root)?;
    let path = match rest {
        "" => "/",
        rest if rest.starts_with('/') => rest,
        _ => return None,
    };
    match uri.query() {
        Some(query) => format!("{path}?{query}").parse().ok(),
        None => path.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_path_is_taken_away_whole_or_not_at_all() {
        let without = |text: &str| {
            text.parse().ok().and_then(|uri| without_root(&uri, "/argo")).map(|uri| uri.to_string())
        };
        assert_eq!(without("/argo/api/version?x=1").as_deref(), Some("/api/version?x=1"));
        assert_eq!(without("/argo").as_deref(), Some("/"));
        assert_eq!(without("/argonaut/api"), None);
        assert_eq!(without("/healthz"), None);
    }
}
