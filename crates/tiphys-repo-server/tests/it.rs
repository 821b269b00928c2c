//! The service as its clients see it: over the network, with certificates, against real repositories and tools.

mod it {
    mod answers;
    mod faults;
    mod killed;
    mod repositories;
    mod support;
}
