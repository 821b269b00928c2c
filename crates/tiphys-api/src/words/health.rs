//! Words of health and their order.

use std::cmp::Ordering;

open_words! {
    /// How well an object or an application is.
    pub enum HealthStatusCode {
        /// It works.
        Healthy = "Healthy",
        /// It was told to wait, such as a paused rollout.
        Suspended = "Suspended",
        /// It is on its way to working.
        Progressing = "Progressing",
        /// It is not in the cluster.
        Missing = "Missing",
        /// It failed, or did not get to work in time.
        Degraded = "Degraded",
        /// Its health could not be found out.
        Unknown = "Unknown",
    }

    /// Where the health of single objects is kept.
    pub enum ResourceHealthLocation {
        /// In the tree that the controller serves, not in the application's status.
        AppTree = "appTree",
    }
}

impl HealthStatusCode {
    /// Says whether this health is worse than the other: `Healthy` is best, then `Suspended`, `Progressing`,
    /// `Missing`, `Degraded`, and `Unknown` is worst. A word that is not known counts as `Unknown`.
    #[must_use]
    pub fn worse_than(&self, other: &Self) -> bool {
        self.severity().cmp(&other.severity()) == Ordering::Greater
    }

    /// Returns 0 for `Healthy` up to 5 for `Unknown`.
    #[must_use]
    pub fn severity(&self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Suspended => 1,
            Self::Progressing => 2,
            Self::Missing => 3,
            Self::Degraded => 4,
            Self::Unknown | Self::Other(_) => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HealthStatusCode as Health;

    // covers: HLT-001
    #[test]
    fn health_gets_worse_from_healthy_to_unknown() {
        let order = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"];
        for (at, better) in order.iter().enumerate() {
            for worse in &order[at + 1..] {
                let (better, worse) = (Health::from(*better), Health::from(*worse));
                assert!(worse.worse_than(&better), "{worse} is worse than {better}");
                assert!(!better.worse_than(&worse), "{better} is not worse than {worse}");
            }
        }
    }

    #[test]
    fn an_unknown_word_is_written_back_as_it_was_read() {
        let read: Health = serde_json::from_str("\"Sleepy\"").unwrap();
        assert_eq!(read, Health::Other("Sleepy".into()));
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"Sleepy\"");
    }
}
