//! SSH host keys against lines in the format of `known_hosts` (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! A host on another port than 22 must be listed as `[host]:port`. Names may be patterns or hashed; `@revoked`
//! keys are refused, `@cert-authority` lines are not used.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Why a host key is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyError {
    /// No line names the host.
    #[error("the host key of {host} is not known: it is in none of the known hosts' lines")]
    UnknownHost {
        /// Host, with its port when that is not 22.
        host: String,
    },
    /// The host is listed with other keys.
    #[error(
        "the host key of {host} ({offered}) is not one of the known ones ({}): it may have been replaced, or \
         somebody listens in",
        known.join(", ")
    )]
    Mismatch {
        /// Host, with its port when that is not 22.
        host: String,
        /// Type of the key that the server showed.
        offered: String,
        /// Types of the keys that the lines list for the host.
        known: Vec<String>,
    },
    /// The key is listed as revoked.
    #[error("the host key of {host} is revoked")]
    Revoked {
        /// Host, with its port when that is not 22.
        host: String,
    },
}

/// Checks the key that a host showed, in the wire format of SSH.
///
/// # Errors
/// When no line lists this key for this host, or one lists it as revoked.
pub(crate) fn check(lines: &str, host: &str, port: u16, key: &[u8]) -> Result<(), HostKeyError> {
    let name = if port == 22 {
        host.to_ascii_lowercase()
    } else {
        format!("[{}]:{port}", host.to_ascii_lowercase())
    };
    let mut known = Vec::new();
    let mut found = false;
    for line in lines.lines().filter_map(Line::parse) {
        if !names_host(line.hosts, &name) {
            continue;
        }
        let same = decoded(line.key).is_some_and(|known| known == key);
        match line.marker {
            Some("@revoked") if same => return Err(HostKeyError::Revoked { host: name }),
            Some(_) => {}
            None if same => found = true,
            None => known.push(line.kind.to_owned()),
        }
    }
    if found {
        return Ok(());
    }
    if known.is_empty() {
        return Err(HostKeyError::UnknownHost { host: name });
    }
    known.sort();
    known.dedup();
    Err(HostKeyError::Mismatch { host: name, offered: kind_of(key), known })
}

struct Line<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    kind: &'a str,
    key: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (marker, hosts) =
            if first.starts_with('@') { (Some(first), words.next()?) } else { (None, first) };
        Some(Self { marker, hosts, kind: words.next()?, key: words.next()? })
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
}

fn names_host(hosts: &str, name: &str) -> bool {
    if let Some(hashed) = hosts.strip_prefix("|1|") {
        return hashed_name_matches(hashed, name);
    }
    let mut matched = false;
    for pattern in hosts.split(',') {
        if let Some(negated) = pattern.strip_prefix('!') {
            if glob(negated.to_ascii_lowercase().as_bytes(), name.as_bytes()) {
                return false;
            }
        } else if glob(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()) {
            matched = true;
        }
    }
    matched
}

fn hashed_name_matches(salt_and_hash: &str, name: &str) -> bool {
    let Some((salt, hash)) = salt_and_hash.split_once('|') else { return false };
    let (Some(salt), Some(hash)) = (decoded(salt), decoded(hash)) else { return false };
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else { return false };
    mac.update(name.as_bytes());
    mac.verify_slice(&hash).is_ok()
}

/// `*` is any text, `?` one byte.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || Some(&c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    p = star_p + 1;
                    t = star_t + 1;
                    star = Some((star_p, star_t + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == b'*')
}

/// The type that a key in wire format names first.
fn kind_of(key: &[u8]) -> String {
    let named = key.split_at_checked(4).and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
        std::str::from_utf8(rest.get(..length.min(64))?).ok()
    });
    named.filter(|name| name.chars().all(|c| c.is_ascii_graphic())).unwrap_or("unknown type").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, body: u8) -> Vec<u8> {
        let mut key = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        key.extend_from_slice(kind.as_bytes());
        key.extend_from_slice(&[body; 32]);
        key
    }

    fn line(hosts: &str, kind: &str, body: u8) -> String {
        format!("{hosts} {kind} {}\n", STANDARD.encode(key(kind, body)))
    }

    fn hashed(name: &str) -> String {
        let salt = [7_u8; 20];
        let mut mac = Hmac::<Sha1>::new_from_slice(&salt).unwrap();
        mac.update(name.as_bytes());
        format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn a_listed_key_is_trusted_by_name_pattern_and_hash() {
        let ed = key("ssh-ed25519", 1);
        for hosts in ["git.example", "other,git.example", "*.example", "git.exampl?", &hashed("git.example")]
        {
            assert_eq!(check(&line(hosts, "ssh-ed25519", 1), "Git.Example", 22, &ed), Ok(()), "{hosts}");
        }
    }

    #[test]
    fn a_host_that_no_line_names_is_not_trusted() {
        let ed = key("ssh-ed25519", 1);
        for hosts in ["other.example", "*.example,!git.example", "[git.example]:2222", &hashed("other")] {
            let result = check(&line(hosts, "ssh-ed25519", 1), "git.example", 22, &ed);
            assert_eq!(result, Err(HostKeyError::UnknownHost { host: "git.example".into() }), "{hosts}");
        }
        assert!(check("", "git.example", 22, &ed).is_err());
        assert!(check("# git.example ssh-ed25519 AAAA\ngit.example\n@x", "git.example", 22, &ed).is_err());
    }

    #[test]
    fn another_port_needs_its_own_line() {
        let ed = key("ssh-ed25519", 1);
        assert!(check(&line("git.example", "ssh-ed25519", 1), "git.example", 2222, &ed).is_err());
        assert_eq!(check(&line("[git.example]:2222", "ssh-ed25519", 1), "git.example", 2222, &ed), Ok(()));
        let by_hash = line(&hashed("[git.example]:2222"), "ssh-ed25519", 1);
        assert_eq!(check(&by_hash, "git.example", 2222, &ed), Ok(()));
    }

    #[test]
    fn another_key_is_a_mismatch_that_names_the_types() {
        let lines = line("git.example", "ssh-ed25519", 1) + &line("git.example", "ssh-rsa", 2);
        let error = check(&lines, "git.example", 22, &key("ecdsa-sha2-nistp256", 3)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("ecdsa-sha2-nistp256") && text.contains("ssh-ed25519, ssh-rsa"), "{text}");
    }

    #[test]
    fn a_revoked_key_is_refused_wherever_its_line_stands() {
        let lines = line("git.example", "ssh-ed25519", 1) + "@revoked " + &line("*", "ssh-ed25519", 1);
        let result = check(&lines, "git.example", 22, &key("ssh-ed25519", 1));
        assert_eq!(result, Err(HostKeyError::Revoked { host: "git.example".into() }));
    }
}
