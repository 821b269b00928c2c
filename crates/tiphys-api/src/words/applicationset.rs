//! Words of ApplicationSets.

open_words! {
    /// In which order changes reach the applications of an ApplicationSet.
    pub enum ApplicationSetStrategyType {
        /// All applications at once.
        AllAtOnce = "AllAtOnce",
        /// Step by step.
        RollingSync = "RollingSync",
    }

    /// In which order the applications of a deleted ApplicationSet go.
    pub enum DeletionOrder {
        /// All at once.
        AllAtOnce = "AllAtOnce",
        /// The steps of the rolling sync, last one first.
        Reverse = "Reverse",
    }

    /// What an ApplicationSet may do to its applications.
    pub enum ApplicationsSyncPolicy {
        /// Create them.
        CreateOnly = "create-only",
        /// Create and change them.
        CreateUpdate = "create-update",
        /// Create and delete them.
        CreateDelete = "create-delete",
        /// Create, change and delete them.
        Sync = "sync",
    }
}
