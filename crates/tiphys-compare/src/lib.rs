//! One application: desired against live becomes sync status, health, tree and conditions.
