//! Two small things that every service that answers the same question often needs: a cache in memory that
//! cannot grow past its bound, and the joining of equal requests that are in flight at the same time.
//!
//! What is kept, and under which key, is left to the callers.

mod bounded;
mod joined;

pub use bounded::{Bounded, Bounds};
pub use joined::{ComputationLost, Joined};
