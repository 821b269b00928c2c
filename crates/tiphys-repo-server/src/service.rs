//! The service on the wire.

use std::time::Duration;

use tiphys_git::Freshness;
use tiphys_wire::internal::{
    self, ListRefsRequest, ListRefsResponse, RenderFooter, RenderHeader, RenderPart, RenderRequest,
    ResolveRevisionRequest, ResolveRevisionResponse, RevisionMetadataRequest, RevisionMetadataResponse,
    render_part,
};
use tonic::{Request, Response, Status};

use crate::rendering::{Answer, Rendering, within};
use crate::request::{SourceRequest, access};
use crate::status::Failure;

/// Bytes of one chunk, unless one object is larger.
const CHUNK: usize = 1 << 20;

pub(crate) struct Service {
    rendering: Rendering,
    timeout: Duration,
}

impl Service {
    pub(crate) fn new(rendering: Rendering, timeout: Duration) -> Self {
        Self { rendering, timeout }
    }

    async fn answer<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<Response<T>, Status> {
        // On the heap: these futures hold whole requests.
        Box::pin(within(self.timeout, work)).await.map(Response::new).map_err(|error| error.status())
    }
}

#[tonic::async_trait]
impl internal::repo_service_server::RepoService for Service {
    type RenderStream = tokio_stream::Iter<std::vec::IntoIter<Result<RenderPart, Status>>>;

    async fn render(&self, request: Request<RenderRequest>) -> Result<Response<Self::RenderStream>, Status> {
        let request = request.into_inner();
        let known = request.known_digest.clone();
        let answer = self.answer(self.rendering.render(request)).await?;
        Ok(answer.map(|answer| tokio_stream::iter(parts(&answer, &known))))
    }

    async fn resolve_revision(
        &self,
        request: Request<ResolveRevisionRequest>,
    ) -> Result<Response<ResolveRevisionResponse>, Status> {
        let request = request.into_inner();
        let freshness = if request.no_revision_cache { Freshness::Remote } else { Freshness::Cached };
        self.answer(async {
            let source = SourceRequest::read(request.source)?;
            let prefix = &source.source.tag_prefix;
            let repositories = self.rendering.repositories();
            let resolved = repositories.resolve(&source.access, &source.revision, prefix, freshness).await?;
            let revision = resolved.commit.to_string();
            let written = if source.revision.is_empty() { "HEAD" } else { &source.revision };
            let ambiguous_revision = format!("{written} ({revision})");
            Ok(ResolveRevisionResponse { revision, ambiguous_revision })
        })
        .await
    }

    async fn revision_metadata(
        &self,
        request: Request<RevisionMetadataRequest>,
    ) -> Result<Response<RevisionMetadataResponse>, Status> {
        let request = request.into_inner();
        self.answer(async {
            let access = access(request.repository, "")?;
            let repositories = self.rendering.repositories();
            let resolved = repositories.resolve(&access, &request.revision, "", Freshness::Cached).await?;
            let metadata = repositories.metadata(&access, &resolved).await?;
            Ok(RevisionMetadataResponse {
                author: metadata.author,
                date: metadata.date,
                message: metadata.message,
                tags: metadata.tags,
            })
        })
        .await
    }

    async fn list_refs(
        &self,
        request: Request<ListRefsRequest>,
    ) -> Result<Response<ListRefsResponse>, Status> {
        let request = request.into_inner();
        self.answer(async {
            let access = access(request.repository, "")?;
            let refs = self.rendering.repositories().refs(&access, Freshness::Cached).await?;
            let owned = |name: &str| name.to_owned();
            Ok(ListRefsResponse {
                branches: refs.branches().map(owned).collect(),
                tags: refs.tags().map(owned).collect(),
            })
        })
        .await
    }
}

fn parts(answer: &Answer, known_digest: &str) -> Vec<Result<RenderPart, Status>> {
    let rendered = &answer.rendered;
    let part = |part: render_part::Part| Ok(RenderPart { part: Some(part) });
    let mut parts = vec![part(render_part::Part::Header(RenderHeader {
        revision: answer.revision.clone(),
        source_type: rendered.source_type.name().to_owned(),
    }))];
    let unchanged = !known_digest.is_empty() && known_digest == &*rendered.digest;
    if !unchanged {
        parts.extend(chunks(&rendered.lines).map(|chunk| part(render_part::Part::Manifests(chunk.to_vec()))));
    }
    parts.push(part(render_part::Part::Footer(RenderFooter {
        count: rendered.count,
        digest: rendered.digest.to_string(),
        unchanged,
        cached: answer.cached,
    })));
    parts
}

/// Pieces that end at the end of a line, as large as allowed.
fn chunks(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let fits = rest.get(..CHUNK.min(rest.len())).unwrap_or(rest);
        let end = if fits.len() == rest.len() {
            rest.len()
        } else {
            let last = fits.iter().rposition(|byte| *byte == b'\n');
            // An object that is larger than a chunk travels alone.
            let last = last.or_else(|| rest.iter().position(|byte| *byte == b'\n'));
            last.map_or(rest.len(), |last| last + 1)
        };
        let (chunk, after) = rest.split_at(end);
        rest = after;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_at_the_end_of_a_line_and_lose_nothing() {
        let small = b"{}\n".repeat(10);
        let large = [vec![b'x'; CHUNK + 5], b"\n".to_vec()].concat();
        let lines = [small.clone(), large.clone(), small.repeat(60_000), large, small].concat();
        let cut: Vec<&[u8]> = chunks(&lines).collect();
        assert!(cut.iter().all(|chunk| chunk.ends_with(b"\n")));
        assert!(
            cut.iter()
                .all(|chunk| chunk.len() <= CHUNK || chunk.iter().filter(|b| **b == b'\n').count() == 1)
        );
        assert_eq!(cut.concat(), lines);
        assert_eq!(chunks(b"").count(), 0);
    }
}
