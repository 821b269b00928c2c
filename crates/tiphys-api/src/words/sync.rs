//! Words of syncs: verdicts, phases, results, conditions.

open_words! {
    /// Whether the cluster equals the source.
    pub enum SyncStatusCode {
        /// It does.
        Synced = "Synced",
        /// It does not.
        OutOfSync = "OutOfSync",
        /// It could not be found out.
        Unknown = "Unknown",
    }

    /// How far an operation or hook is.
    pub enum OperationPhase {
        /// It runs.
        Running = "Running",
        /// It was told to stop and is cleaning up.
        Terminating = "Terminating",
        /// It failed: something that it did had a bad end.
        Failed = "Failed",
        /// It could not be carried out.
        Error = "Error",
        /// It succeeded.
        Succeeded = "Succeeded",
    }

    /// What a sync did to an object.
    pub enum ResultCode {
        /// Applied.
        Synced = "Synced",
        /// Not applied, because the API server refused it.
        SyncFailed = "SyncFailed",
        /// Deleted.
        Pruned = "Pruned",
        /// To be deleted, but left alone.
        PruneSkipped = "PruneSkipped",
    }

    /// Phase of a sync.
    pub enum SyncPhase {
        /// Before the objects.
        PreSync = "PreSync",
        /// With the objects.
        Sync = "Sync",
        /// After the objects are healthy.
        PostSync = "PostSync",
        /// After the sync has failed.
        SyncFail = "SyncFail",
        /// Before the application is deleted.
        PreDelete = "PreDelete",
        /// After the application's objects are deleted.
        PostDelete = "PostDelete",
    }

    /// When a hook runs.
    pub enum HookType {
        /// Before the objects.
        PreSync = "PreSync",
        /// With the objects.
        Sync = "Sync",
        /// After the objects are healthy.
        PostSync = "PostSync",
        /// Never: the manifest is not applied.
        Skip = "Skip",
        /// After the sync has failed.
        SyncFail = "SyncFail",
        /// Before the application is deleted.
        PreDelete = "PreDelete",
        /// After the application's objects are deleted.
        PostDelete = "PostDelete",
    }

    /// When a hook is deleted.
    pub enum HookDeletePolicy {
        /// After its phase has succeeded.
        HookSucceeded = "HookSucceeded",
        /// After it has failed.
        HookFailed = "HookFailed",
        /// Before the next one of its name is created.
        BeforeHookCreation = "BeforeHookCreation",
    }

    /// What is wrong with an application, or worth knowing.
    pub enum ApplicationConditionType {
        /// It could not be deleted.
        DeletionError = "DeletionError",
        /// What it asks for makes no sense or is not allowed.
        InvalidSpecError = "InvalidSpecError",
        /// It could not be compared with the cluster.
        ComparisonError = "ComparisonError",
        /// Automated sync failed.
        SyncError = "SyncError",
        /// Something else went wrong.
        UnknownError = "UnknownError",
        /// Another application manages one of its objects.
        SharedResourceWarning = "SharedResourceWarning",
        /// An object appears more than once in its sources.
        RepeatedResourceWarning = "RepeatedResourceWarning",
        /// An object is of a kind that the settings exclude.
        ExcludedResourceWarning = "ExcludedResourceWarning",
        /// Nobody manages an object in its namespace.
        OrphanedResourceWarning = "OrphanedResourceWarning",
    }

    /// Tool that renders a source.
    pub enum ApplicationSourceType {
        /// Helm.
        Helm = "Helm",
        /// Kustomize.
        Kustomize = "Kustomize",
        /// A folder of plain manifests.
        Directory = "Directory",
        /// A config management plugin.
        Plugin = "Plugin",
    }

    /// How far a run of the hydrator is.
    pub enum HydrateOperationPhase {
        /// It runs.
        Hydrating = "Hydrating",
        /// It failed.
        Failed = "Failed",
        /// It succeeded.
        Hydrated = "Hydrated",
    }

    /// How thoroughly an application is refreshed, the value of the refresh annotation.
    pub enum RefreshType {
        /// With what the render cache holds.
        Normal = "normal",
        /// With a new render.
        Hard = "hard",
    }
}

impl OperationPhase {
    /// Says whether the operation has ended, well or not.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::Succeeded)
    }

    /// Says whether the operation has ended, and not well.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed | Self::Error)
    }
}

impl ApplicationConditionType {
    /// Says whether the condition is an error, not just a warning: its name ends with `Error`.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.as_str().ends_with("Error")
    }
}
