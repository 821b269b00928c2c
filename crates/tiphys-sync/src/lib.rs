//! Plans an operation as a value and advances it: step(state, event) gives state and effects.
