//! Free ports on the loopback interface.

use std::net::TcpListener;

use anyhow::{Result, bail};
use rand::RngExt;

/// Below the range that the kernel gives to outgoing connections, so that none of these takes a port between
/// its choice here and its use by the program that it was chosen for.
const RANGE: std::ops::Range<u16> = 18_000..32_000;

/// Chooses `count` different ports that nothing listens on.
///
/// Another process may still take one before it is used: callers start anew with other ports when a program
/// says that its port is taken.
///
/// # Errors
/// When hardly any port of the range is free.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    let mut ports = Vec::with_capacity(count);
    let mut held = Vec::with_capacity(count);
    let mut random = rand::rng();
    for _ in 0..1000 {
        if ports.len() == count {
            break;
        }
        let port = random.random_range(RANGE);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            ports.push(port);
            held.push(listener);
        }
    }
    if ports.len() < count {
        bail!("failed to find {count} free ports in {RANGE:?}");
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let mut unique = free_ports(20).unwrap();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), 20);
    }
}
