//! `ApplicationService`: Applications and everything that can be done with them.
//!
//! Reads come from memory, writes go to the Kubernetes API. Every handler gets a caller who has shown who they are; what
//! they may do each of them asks for itself.

mod change;
mod create;
mod delete;
mod find;
mod json_patch;
mod list;
mod manifests;
mod operation;
mod read;
mod rollback;
mod selector;
mod tree;
mod update;
mod validate;
mod watch;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Reply, Router, Wire};

use crate::access::Caller;
use crate::run::RunError;
use crate::server::Shared;

const SERVICE: &str = "application.ApplicationService";

type Answer = BoxFuture<'static, Result<Reply, WireError>>;
type Handler = fn(Shared, Caller, Call) -> Answer;

/// Gives every method that is built to its handler.
pub(crate) fn register(server: &Shared, router: &mut Router) -> Result<(), RunError> {
    let methods: [(&str, Handler); 18] = [
        ("List", |server, caller, call| Box::pin(list::list(server, caller, call))),
        ("Get", |server, caller, call| Box::pin(read::get(server, caller, call))),
        ("Watch", |server, caller, call| Box::pin(watch::watch(server, caller, call))),
        ("Create", |server, caller, call| Box::pin(create::create(server, caller, call))),
        ("Update", |server, caller, call| Box::pin(update::update(server, caller, call))),
        ("UpdateSpec", |server, caller, call| Box::pin(update::update_spec(server, caller, call))),
        ("Patch", |server, caller, call| Box::pin(update::patch(server, caller, call))),
        ("Delete", |server, caller, call| Box::pin(delete::delete(server, caller, call))),
        ("Sync", |server, caller, call| Box::pin(operation::sync(server, caller, call))),
        ("Rollback", |server, caller, call| Box::pin(rollback::rollback(server, caller, call))),
        ("TerminateOperation", |server, caller, call| Box::pin(operation::terminate(server, caller, call))),
        ("ResourceTree", |server, caller, call| Box::pin(tree::resource_tree(server, caller, call))),
        ("WatchResourceTree", |server, caller, call| {
            Box::pin(tree::watch_resource_tree(server, caller, call))
        }),
        ("ManagedResources", |server, caller, call| Box::pin(tree::managed_resources(server, caller, call))),
        ("GetResource", |server, caller, call| Box::pin(tree::live_object(server, caller, call))),
        ("GetManifests", |server, caller, call| Box::pin(manifests::manifests(server, caller, call))),
        ("RevisionMetadata", |server, caller, call| {
            Box::pin(manifests::revision_metadata(server, caller, call))
        }),
        ("ListResourceEvents", |server, caller, call| Box::pin(read::events(server, caller, call))),
    ];
    for (name, handler) in methods {
        let server = server.clone();
        if !router.handle(SERVICE, name, move |call| guarded(server.clone(), handler, call)) {
            return Err(RunError::NoSuchMethod(format!("{SERVICE}/{name}")));
        }
    }
    Ok(())
}

/// Lets in who has a session, and renews one that is about to end.
async fn guarded(server: Shared, handler: Handler, call: Call) -> Result<Reply, WireError> {
    let caller = server.caller(&call.context)?;
    let now = chrono::Utc::now().timestamp();
    let renew =
        caller.identity().filter(|identity| identity.wants_renewal(now)).map(|who| who.subject.clone());
    let wire = call.context.wire;
    let mut reply = handler(server.clone(), caller, call).await?;
    if let (Some(subject), Reply::One(answer)) = (renew, &mut reply) {
        let token = server.new_session(&subject)?;
        if wire == Wire::Rest {
            answer.cookies = server.session_cookies(token.token.expose())?;
        } else {
            answer.metadata.push(("renew-token", token.token.expose().to_owned()));
        }
    }
    if let Reply::Stream(stream) = reply {
        // A watch has no end of its own, and the server does not wait for it.
        return Ok(Reply::Stream(stream.take_until(server.ending.clone().cancelled_owned()).boxed()));
    }
    Ok(reply)
}
