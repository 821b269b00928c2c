//! Waiting for something to become true, with a deadline and the last thing seen.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(50);

/// Calls `probe` until it gives a value, for at most `within`.
///
/// A probe says with `Err` what it sees instead of what it waits for; the last such word is part of the error.
///
/// # Errors
/// When the time is over.
pub async fn wait_until<T, E, F, Fut>(within: Duration, what: &str, mut probe: F) -> Result<T>
where
    E: std::fmt::Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + within;
    loop {
        match probe().await {
            Ok(value) => return Ok(value),
            Err(seen) if Instant::now() >= deadline => {
                bail!("waited {} s until {what}; the last look: {seen:#}", within.as_secs())
            }
            Err(_) => tokio::time::sleep(INTERVAL).await,
        }
    }
}

/// As [`wait_until`], for code without a runtime.
///
/// # Errors
/// When the time is over.
pub fn wait_until_blocking<T, E: std::fmt::Display>(
    within: Duration,
    what: &str,
    mut probe: impl FnMut() -> Result<T, E>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(seen) if Instant::now() >= deadline => {
                bail!("waited {} s until {what}; the last look: {seen:#}", within.as_secs())
            }
            Err(_) => std::thread::sleep(INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_of_the_first_look_that_has_one_is_returned() {
        let mut looks = 0;
        let value = wait_until(Duration::from_secs(5), "the third look", || {
            looks += 1;
            let look = looks;
            async move { if look == 3 { Ok(look) } else { Err("too early") } }
        });
        assert_eq!(value.await.unwrap(), 3);
    }

    #[test]
    fn the_error_says_what_was_seen_last() {
        let outcome = wait_until_blocking::<(), _>(Duration::ZERO, "rain falls", || Err("blue sky"));
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("rain falls") && message.contains("blue sky"), "{message}");
    }
}
