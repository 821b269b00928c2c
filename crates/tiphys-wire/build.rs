//! Compiles the project's own `.proto` files without an installed protoc: the internal protocol into Rust types, the
//! API for users into a set of descriptors that is read at run time.

use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from("proto");
    println!("cargo:rerun-if-changed=proto");
    let internal = ["tiphys/internal/v1/repo.proto", "tiphys/internal/v1/state.proto"];
    let descriptors = protox::compile(internal, [&root])?;
    tonic_prost_build::configure()
        .bytes(".tiphys.internal.v1.RenderPart.part.manifests")
        .bytes(".tiphys.internal.v1.Document.json")
        .compile_fds(descriptors)?;

    let mut api = Vec::new();
    collect(&root.join("api"), &mut api)?;
    api.sort();
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(false).open_files(api)?;
    // Encoded by protox itself: the generic types would drop the options that are our own.
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("api.bin");
    std::fs::write(out, compiler.encode_file_descriptor_set())?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
