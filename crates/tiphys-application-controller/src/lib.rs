//! Keeps the status of every Application true and carries its operations out.
