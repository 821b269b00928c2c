//! `cargo xtask cluster`: it comes up, is found, and goes away without a trace, however it is ended.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tiphys_test_kit::{Tools, wait_until_blocking};

const PATIENCE: Duration = Duration::from_secs(120);

fn xtask(cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("cluster").env("XDG_CACHE_HOME", cache).env("TIPHYS_TOOLS", Tools::cache_folder().unwrap());
    command
}

fn run(cache: &Path, arguments: &[&str]) -> Output {
    xtask(cache).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Command lines of all processes that name a folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let bytes = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        if line.contains(&folder) {
            found.push(line);
        }
    }
    found
}

fn wait_until_nothing_is_left(folder: &Path) {
    wait_until_blocking(PATIENCE, "no process is left", || {
        let left = processes_of(folder);
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    })
    .unwrap();
}

fn in_foreground(cache: &Path, name: &str) -> Child {
    let child = xtask(cache)
        .args(["up", "--keep-in-foreground", "--name", name])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ready = cache.join("tiphys/clusters").join(name).join("ready");
    wait_until_blocking(PATIENCE, "the cluster is ready", || {
        if ready.exists() { Ok(()) } else { Err("not yet") }
    })
    .unwrap();
    child
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn a_cluster_comes_up_is_found_and_goes_away() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path();
    assert!(!run(cache, &["kubeconfig"]).status.success(), "there is none yet");
    assert!(printed(&run(cache, &["up"])).starts_with("export KUBECONFIG="));
    let kubeconfig = printed(&run(cache, &["kubeconfig"]));
    assert!(Path::new(&kubeconfig).is_file());
    printed(&run(cache, &["up"]));
    assert_eq!(printed(&run(cache, &["list"])), format!("dev\t{kubeconfig}"));
    assert!(!processes_of(cache).is_empty());
    printed(&run(cache, &["down"]));
    wait_until_nothing_is_left(cache);
    assert_eq!(printed(&run(cache, &["list"])), "");
    printed(&run(cache, &["down"]));
}

#[test]
fn an_interrupted_cluster_leaves_nothing_and_two_run_side_by_side() {
    let cache = tempfile::tempdir().unwrap();
    let mut one = in_foreground(cache.path(), "one");
    let mut two = in_foreground(cache.path(), "two");
    assert_eq!(printed(&run(cache.path(), &["list"])).lines().count(), 2);
    signal(&one, Signal::SIGINT);
    assert!(one.wait().unwrap().success());
    assert_eq!(printed(&run(cache.path(), &["list"])).lines().count(), 1);
    assert!(!cache.path().join("tiphys/clusters/one/plane").exists());

    // No destructor runs now.
    signal(&two, Signal::SIGKILL);
    two.wait().unwrap();
    wait_until_nothing_is_left(cache.path());
    assert_eq!(printed(&run(cache.path(), &["list"])), "");
}
