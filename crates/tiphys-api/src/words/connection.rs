//! Words about connections to clusters and repositories.

open_words! {
    /// Whether a cluster or repository can be reached.
    pub enum ConnectionStatus {
        /// The last try worked.
        Successful = "Successful",
        /// The last try did not work.
        Failed = "Failed",
        /// Nothing has been tried yet.
        Unknown = "Unknown",
    }
}
