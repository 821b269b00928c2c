//! The observed objects of one cluster: apply, delete, reset; owners, children and the tracked-by index.
//!
//! Plain data: no locks, no tasks, no clock. An adapter feeds it with what watches and writes bring, and asks
//! it. It knows how objects hang together and which application tracks them; it leaves comparison with
//! desired objects to `tiphys-compare` and all traffic to `tiphys-cluster`.

mod change;
mod index;
mod info;
mod kind;
mod node;
mod order;
mod proof;
mod rules;
mod snapshot;

pub use change::{Change, ChangeKind, ChangedFields};
pub use index::LiveIndex;
pub use info::{HostCapacity, LoadBalancerAddress, Networking, NodeInfo, PodUsage, TargetRef, milli_value};
pub use kind::KindInfo;
pub use node::{LiveNode, OwnerRef};
pub use order::compare_versions;
pub use proof::{KindState, LiveProof, NotObserved, Observation};
pub use rules::{AssessHealth, IgnoreUpdates, Rules};
pub use snapshot::LiveSnapshot;
