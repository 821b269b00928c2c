//! The program: picks a service or the command line by its first argument or its own name.
fn main() {}
