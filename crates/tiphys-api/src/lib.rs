//! Application, AppProject, ApplicationSet and every well-known name, label, annotation and settings key.
