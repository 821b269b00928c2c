//! Real repositories, over the file system, HTTP and SSH.

mod it {
    mod export;
    mod http;
    mod local;
    mod ssh;
    mod support;
    mod tree;
}
