//! Plans an operation as a value and advances it: step(state, event) gives state and effects.

pub mod hook;
pub mod options;
pub mod proof;
pub mod wave;
