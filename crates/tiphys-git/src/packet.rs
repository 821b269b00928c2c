//! Packet lines of the Git protocol: what a server advertises, and how a pack travels.

use std::collections::BTreeMap;

use git2::Oid;

use crate::refs::Refs;

/// Why bytes are not what a Git server sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PacketError {
    #[error("a packet has no valid length")]
    Length,
    #[error("the answer ends in the middle of a packet")]
    Short,
    #[error("the answer is not the list of references of a Git repository")]
    NotAnAdvertisement,
    #[error("the repository uses SHA-256 object names, which are not supported")]
    ObjectFormat,
    #[error("the server says: {0}")]
    Remote(String),
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Data(&'a [u8]),
    Flush,
}

/// Cuts the first packet off; `None` when more bytes are needed.
pub(crate) fn next(bytes: &[u8]) -> Result<Option<(Packet<'_>, &[u8])>, PacketError> {
    let Some((head, rest)) = bytes.split_at_checked(4) else { return Ok(None) };
    let digits = std::str::from_utf8(head).map_err(|_| PacketError::Length)?;
    let length = usize::from_str_radix(digits, 16).map_err(|_| PacketError::Length)?;
    match length {
        0 => Ok(Some((Packet::Flush, rest))),
        1..=3 => Err(PacketError::Length),
        _ => Ok(rest.split_at_checked(length - 4).map(|(data, rest)| (Packet::Data(data), rest))),
    }
}

/// Appends a packet.
pub(crate) fn push(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
}

/// What a server says before anything is asked of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Advertisement {
    pub(crate) refs: Refs,
    pub(crate) capabilities: Vec<String>,
}

impl Advertisement {
    /// Reads the answer to `info/refs?service=git-upload-pack`.
    pub(crate) fn parse(mut bytes: &[u8]) -> Result<Self, PacketError> {
        let mut advertisement = Self::default();
        let mut peeled: BTreeMap<String, Oid> = BTreeMap::new();
        let mut first = true;
        while !bytes.is_empty() {
            let (packet, rest) = match next(bytes) {
                Ok(Some(cut)) => cut,
                Ok(None) if first => return Err(PacketError::NotAnAdvertisement),
                Ok(None) => return Err(PacketError::Short),
                Err(_) if first => return Err(PacketError::NotAnAdvertisement),
                Err(error) => return Err(error),
            };
            bytes = rest;
            let Packet::Data(line) = packet else { continue };
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if line.starts_with(b"# service=") || line.starts_with(b"version ") {
                continue;
            }
            if let Some(message) = line.strip_prefix(b"ERR ") {
                return Err(PacketError::Remote(printable(message)));
            }
            let (line, capabilities) = match line.iter().position(|byte| *byte == 0) {
                Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..)),
                None => (line, None),
            };
            if let (true, Some(capabilities)) = (first, capabilities) {
                advertisement.capabilities =
                    String::from_utf8_lossy(capabilities).split_whitespace().map(str::to_owned).collect();
            }
            first = false;
            advertisement.add(line, &mut peeled)?;
        }
        if first {
            return Err(PacketError::NotAnAdvertisement);
        }
        advertisement.refs.commits.extend(peeled);
        let head = advertisement.capabilities.iter().find_map(|word| word.strip_prefix("symref=HEAD:"));
        advertisement.refs.head_branch = head.map(str::to_owned);
        if advertisement.capabilities.iter().any(|word| word == "object-format=sha256") {
            return Err(PacketError::ObjectFormat);
        }
        Ok(advertisement)
    }

    pub(crate) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|word| word == capability)
    }

    fn add(&mut self, line: &[u8], peeled: &mut BTreeMap<String, Oid>) -> Result<(), PacketError> {
        let line = std::str::from_utf8(line);
        // A name that is not UTF-8 can't be asked for; the other references stay usable.
        let Ok(line) = line else { return Ok(()) };
        let (id, name) = line.split_once(' ').ok_or(PacketError::NotAnAdvertisement)?;
        if id.len() == 64 {
            return Err(PacketError::ObjectFormat);
        }
        let id = Oid::from_str(id).map_err(|_| PacketError::NotAnAdvertisement)?;
        match name.strip_suffix("^{}") {
            Some("capabilities") => {}
            Some(tag) => {
                peeled.insert(tag.to_owned(), id);
            }
            None if name == "HEAD" => self.refs.head = Some(id),
            None if name.starts_with("refs/") => {
                self.refs.commits.insert(name.to_owned(), id);
            }
            None => {}
        }
        Ok(())
    }
}

/// What to ask of `git-upload-pack`.
#[derive(Debug, Default)]
pub(crate) struct PackRequest {
    pub(crate) wants: Vec<Oid>,
    pub(crate) haves: Vec<Oid>,
    pub(crate) depth: u32,
}

impl PackRequest {
    /// The body of the request.
    pub(crate) fn body(&self, advertisement: &Advertisement) -> Vec<u8> {
        let mut capabilities = String::new();
        let wanted = ["multi_ack_detailed", "side-band-64k", "ofs-delta", "no-progress", "thin-pack"];
        for capability in wanted.into_iter().filter(|capability| advertisement.can(capability)) {
            capabilities.push(' ');
            capabilities.push_str(capability);
        }
        capabilities.push_str(concat!(" agent=tiphys/", env!("CARGO_PKG_VERSION")));
        let mut body = Vec::new();
        for (position, want) in self.wants.iter().enumerate() {
            let capabilities = if position == 0 { capabilities.as_str() } else { "" };
            push(&mut body, &format!("want {want}{capabilities}\n"));
        }
        if self.depth > 0 {
            push(&mut body, &format!("deepen {}\n", self.depth));
        }
        body.extend_from_slice(b"0000");
        for have in &self.haves {
            push(&mut body, &format!("have {have}\n"));
        }
        push(&mut body, "done\n");
        body
    }
}

/// Takes the answer of `git-upload-pack` apart as it arrives.
#[derive(Debug)]
pub(crate) struct PackAnswer {
    pending: Vec<u8>,
    stage: Stage,
    side_band: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Shallow,
    Acknowledgements,
    Pack,
    Done,
}

impl PackAnswer {
    pub(crate) fn new(side_band: bool, depth: u32) -> Self {
        let stage = if depth > 0 { Stage::Shallow } else { Stage::Acknowledgements };
        Self { pending: Vec::new(), stage, side_band }
    }

    /// Takes bytes of the answer and gives those of the pack to `pack`; `shallow` gets the commits at which
    /// history was cut.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        pack: &mut Vec<u8>,
        shallow: &mut Vec<Oid>,
    ) -> Result<(), PacketError> {
        self.pending.extend_from_slice(bytes);
        let mut used = 0;
        while let Some(rest) = self.pending.get(used..).filter(|rest| !rest.is_empty()) {
            if self.stage == Stage::Pack && !self.side_band {
                pack.extend_from_slice(rest);
                used = self.pending.len();
                break;
            }
            let Some((packet, after)) = next(rest)? else { break };
            let length = rest.len() - after.len();
            match (self.stage, packet) {
                (Stage::Shallow, Packet::Flush) => self.stage = Stage::Acknowledgements,
                (Stage::Shallow, Packet::Data(line)) => {
                    remote_error(line)?;
                    let id = line.strip_prefix(b"shallow ").and_then(|id| std::str::from_utf8(id).ok());
                    if let Some(id) = id.and_then(|id| Oid::from_str(id.trim_end()).ok()) {
                        shallow.push(id);
                    }
                }
                (Stage::Acknowledgements, Packet::Data(line)) => {
                    remote_error(line)?;
                    let line = line.strip_suffix(b"\n").unwrap_or(line);
                    // `ACK <id> common` and the like come before the last word, which is `NAK` or a bare `ACK <id>`.
                    if line == b"NAK" || line.starts_with(b"ACK ") && line.len() == 44 {
                        self.stage = Stage::Pack;
                    }
                }
                (Stage::Pack, Packet::Data(data)) => match data.split_first() {
                    Some((1, data)) => pack.extend_from_slice(data),
                    Some((2, _)) | None => {}
                    Some((3, message)) => return Err(PacketError::Remote(printable(message))),
                    Some(_) => {
                        // A server may acknowledge more than once before the pack.
                        remote_error(data)?;
                        if !data.starts_with(b"NAK") && !data.starts_with(b"ACK ") {
                            return Err(PacketError::Length);
                        }
                    }
                },
                (Stage::Pack, Packet::Flush) => self.stage = Stage::Done,
                (Stage::Acknowledgements, Packet::Flush) | (Stage::Done, _) => {}
            }
            used += length;
        }
        self.pending.drain(..used);
        Ok(())
    }

    /// Whether the answer may end here.
    pub(crate) fn is_complete(&self) -> bool {
        self.pending.is_empty() && (self.stage == Stage::Done || self.stage == Stage::Pack && !self.side_band)
    }
}

fn remote_error(line: &[u8]) -> Result<(), PacketError> {
    line.strip_prefix(b"ERR ").map_or(Ok(()), |message| Err(PacketError::Remote(printable(message))))
}

/// A message of the other side, short and without control characters.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn packets(lines: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in lines {
            if line.is_empty() { bytes.extend_from_slice(b"0000") } else { push(&mut bytes, line) }
        }
        bytes
    }

    // covers: GIT-048
    #[test]
    fn an_advertisement_gives_branches_peeled_tags_and_the_branch_of_head() {
        let bytes = packets(&[
            "# service=git-upload-pack\n",
            "",
            &format!("{A} HEAD\0multi_ack side-band-64k symref=HEAD:refs/heads/main\n"),
            &format!("{A} refs/heads/main\n"),
            &format!("{B} refs/tags/v1\n"),
            &format!("{A} refs/tags/v1^{{}}\n"),
            "",
        ]);
        let advertisement = Advertisement::parse(&bytes).unwrap();
        assert_eq!(advertisement.refs.head_branch.as_deref(), Some("refs/heads/main"));
        assert_eq!(advertisement.refs.commits["refs/tags/v1"].to_string(), A);
        assert!(advertisement.can("side-band-64k"));
    }

    #[test]
    fn an_empty_repository_is_not_an_error_and_a_web_page_is() {
        let zero = "0".repeat(40);
        let bytes = packets(&[
            "# service=git-upload-pack\n",
            "",
            &format!("{zero} capabilities^{{}}\0agent=x\n"),
            "",
        ]);
        assert_eq!(Advertisement::parse(&bytes).unwrap().refs, Refs::default());
        for page in [&b"<html>sign in</html>"[..], b"", b"00", b"zzzz", b"0003"] {
            assert!(Advertisement::parse(page).is_err(), "{page:?}");
        }
        let refused = packets(&["ERR access denied\n"]);
        assert_eq!(Advertisement::parse(&refused).unwrap_err(), PacketError::Remote("access denied".into()));
    }

    #[test]
    fn a_pack_is_found_whatever_the_sizes_of_the_pieces() {
        let mut bytes = packets(&[&format!("ACK {A} common\n"), &format!("ACK {A}\n")]);
        push(&mut bytes, "\u{2}counting\n");
        push(&mut bytes, "\u{1}PACKabc");
        push(&mut bytes, "\u{1}def");
        bytes.extend_from_slice(b"0000");
        for size in [1, 2, 3, 7, bytes.len()] {
            let mut answer = PackAnswer::new(true, 0);
            let (mut pack, mut shallow) = (Vec::new(), Vec::new());
            for piece in bytes.chunks(size) {
                assert!(!answer.is_complete());
                answer.take(piece, &mut pack, &mut shallow).unwrap();
            }
            assert!(answer.is_complete());
            assert_eq!(pack, b"PACKabcdef");
        }
        let mut short = PackAnswer::new(true, 0);
        short.take(&bytes[..bytes.len() - 4], &mut Vec::new(), &mut Vec::new()).unwrap();
        assert!(!short.is_complete());
    }

    #[test]
    fn shallow_commits_and_errors_of_the_server_are_read() {
        let mut bytes = packets(&[&format!("shallow {A}\n"), "", "NAK\n"]);
        push(&mut bytes, "\u{3}not our ref\n");
        let mut answer = PackAnswer::new(true, 1);
        let (mut pack, mut shallow) = (Vec::new(), Vec::new());
        let error = answer.take(&bytes, &mut pack, &mut shallow).unwrap_err();
        assert_eq!(error, PacketError::Remote("not our ref".into()));
        assert_eq!(shallow.len(), 1);
    }
}
