//! Compiles the project's own `.proto` files without an installed protoc.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from("proto");
    let internal = ["tiphys/internal/v1/repo.proto", "tiphys/internal/v1/state.proto"];
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(internal, [&root])?;
    tonic_prost_build::configure()
        .bytes(".tiphys.internal.v1.RenderPart.part.manifests")
        .bytes(".tiphys.internal.v1.Document.json")
        .compile_fds(descriptors)?;
    Ok(())
}
