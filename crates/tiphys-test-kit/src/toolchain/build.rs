//! Builds one program from its Go module: a generated `go.mod`, `go build`, an atomic rename.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Tool;

/// How often a running build says that it is still running.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);
/// How many of the last lines of `go build` an error shows.
const ERROR_LINES: usize = 20;

/// Takes the lock of the cache folder; it is released when the file is dropped.
pub(super) fn lock(root: &Path) -> Result<File> {
    fs::create_dir_all(root).with_context(|| format!("failed to create {}", root.display()))?;
    let path = root.join(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("failed to open {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("tools: another process builds in {}, waiting for it", root.display());
        file.lock().with_context(|| format!("failed to lock {}", path.display()))?;
    }
    Ok(file)
}

/// Builds `tool` and puts it at `target`. The caller holds the lock of `root`.
pub(super) fn build(root: &Path, tool: Tool, target: &Path, position: usize, count: usize) -> Result<()> {
    let title = format!("{} {}", tool.program(), tool.version());
    eprintln!("tools: building {title} ({position} of {count})");
    let started = Instant::now();

    let workspace = root.join(".build").join(tool.program());
    if workspace.exists() {
        fs::remove_dir_all(&workspace)
            .with_context(|| format!("failed to remove {}", workspace.display()))?;
    }
    fs::create_dir_all(&workspace).with_context(|| format!("failed to create {}", workspace.display()))?;
    let recipe = Recipe::of(tool);
    fs::write(workspace.join("go.mod"), recipe.go_mod()?).context("failed to write go.mod")?;
    if let Some(main) = recipe.main {
        fs::write(workspace.join("main.go"), main).context("failed to write main.go")?;
    }

    let folder = target.parent().context("a program's path has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let partial = folder.join(format!(".{}.partial", tool.program()));
    let mut command = go();
    command
        .current_dir(&workspace)
        .args(["build", "-mod=mod", "-trimpath", "-ldflags", &recipe.linker_flags, "-o"])
        .arg(&partial)
        .arg(recipe.package);
    run(command, &title, started)?;
    fs::rename(&partial, target).with_context(|| format!("failed to put {} in place", target.display()))?;
    // What is left of the workspace does no harm: the next build of this program clears it.
    let _ = fs::remove_dir_all(&workspace);
    eprintln!("tools: built {title} in {} s", started.elapsed().as_secs());
    Ok(())
}

/// How a program comes out of its module.
struct Recipe {
    module: &'static str,
    version: &'static str,
    package: &'static str,
    /// A `main.go` of our own, for a module that has its program in a library.
    main: Option<&'static str>,
    linker_flags: String,
    /// Whether the module replaces its parts by folders of its own, which a build from outside cannot see.
    staged: bool,
}

impl Recipe {
    fn of(tool: Tool) -> Self {
        let version = tool.version();
        let plain = |module, package| Self {
            module,
            version,
            package,
            main: None,
            linker_flags: "-s -w".to_owned(),
            staged: false,
        };
        let kubernetes = |package| Self {
            module: "k8s.io/kubernetes",
            version,
            package,
            main: None,
            linker_flags: kubernetes_linker_flags(version),
            staged: true,
        };
        match tool {
            Tool::KubeApiserver => kubernetes("k8s.io/kubernetes/cmd/kube-apiserver"),
            Tool::KubeControllerManager => kubernetes("k8s.io/kubernetes/cmd/kube-controller-manager"),
            Tool::KubeScheduler => kubernetes("k8s.io/kubernetes/cmd/kube-scheduler"),
            Tool::Kubectl => kubernetes("k8s.io/kubernetes/cmd/kubectl"),
            Tool::Kwok => plain("sigs.k8s.io/kwok", "sigs.k8s.io/kwok/cmd/kwok"),
            Tool::Helm => Self {
                linker_flags: helm_linker_flags(version),
                ..plain("helm.sh/helm/v3", "helm.sh/helm/v3/cmd/helm")
            },
            Tool::Kustomize => Self {
                linker_flags: format!("-s -w -X sigs.k8s.io/kustomize/api/provenance.version={version}"),
                ..plain("sigs.k8s.io/kustomize/kustomize/v5", "sigs.k8s.io/kustomize/kustomize/v5")
            },
            Tool::Etcd => Self { main: Some(ETCD_MAIN), ..plain("go.etcd.io/etcd/server/v3", ".") },
        }
    }

    fn go_mod(&self) -> Result<String> {
        let mut text =
            format!("module tiphys.local/tool\n\ngo 1.26\n\nrequire {} {}\n", self.module, self.version);
        if self.staged {
            let theirs = module_file(self.module, self.version)?;
            let staging_version = self.version.replacen("v1.", "v0.", 1);
            for module in staged_modules(&theirs) {
                text.push_str(&format!("\nreplace {module} => {module} {staging_version}\n"));
            }
        }
        Ok(text)
    }
}

const ETCD_MAIN: &str = r#"package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
"#;

/// The version that the programs report: clients parse it, and the default of `v0.0.0-master` breaks them.
fn kubernetes_linker_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    let mut flags = "-s -w".to_owned();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        for (name, value) in
            [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor), ("gitTreeState", "clean")]
        {
            flags.push_str(&format!(" -X {package}.{name}={value}"));
        }
    }
    flags
}

/// What Helm's own releases set: its version, and the Kubernetes version that charts see without a cluster
/// (that of the client library in this release; 1.20 without the flag).
fn helm_linker_flags(version: &str) -> String {
    let mut flags = format!("-s -w -X helm.sh/helm/v3/internal/version.version={version}");
    for package in ["helm.sh/helm/v3/pkg/chartutil", "helm.sh/helm/v3/pkg/lint/rules"] {
        flags.push_str(&format!(" -X {package}.k8sVersionMajor=1 -X {package}.k8sVersionMinor=37"));
    }
    flags
}

/// Text of a module's own `go.mod`, fetched through the Go command.
fn module_file(module: &str, version: &str) -> Result<String> {
    let output = go()
        .args(["mod", "download", "-json", &format!("{module}@{version}")])
        .current_dir(std::env::temp_dir())
        .output()
        .map_err(no_go)?;
    if !output.status.success() {
        bail!("failed to fetch {module} {version}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let answer: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("failed to read the answer of `go mod download`")?;
    let path =
        answer.get("GoMod").and_then(|path| path.as_str()).context("`go mod download` named no go.mod")?;
    fs::read_to_string(path).with_context(|| format!("failed to read {path}"))
}

/// The modules that a `go.mod` replaces by a folder below `./staging`.
fn staged_modules(go_mod: &str) -> Vec<&str> {
    go_mod
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("replace ").split_once(" => ./staging/"))
        .map(|(module, _)| module.trim())
        .collect()
}

fn go() -> Command {
    let mut command = Command::new("go");
    command
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOWORK", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH");
    command
}

fn no_go(error: std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        anyhow::anyhow!(
            "`go` is not on the PATH: Go 1.26 or newer builds the programs that tests and the demo run (https://go.dev/dl)"
        )
    } else {
        anyhow::Error::new(error).context("failed to start `go`")
    }
}

/// Runs a build to its end, saying now and then that it runs; a failure carries the end of its output.
fn run(mut command: Command, title: &str, started: Instant) -> Result<()> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(no_go)?;
    let stderr = child.stderr.take().context("standard error was asked for")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut lines: Vec<String> = Vec::new();
    let mut next_word = Instant::now() + PROGRESS_INTERVAL;
    loop {
        match receiver.recv_timeout(next_word.saturating_duration_since(Instant::now())) {
            Ok(line) => lines.push(line),
            Err(RecvTimeoutError::Timeout) => {
                let fetching = lines.last().filter(|line| line.starts_with("go: downloading"));
                let doing = fetching.map_or("", |_| ", fetching modules");
                eprintln!("tools:   {title}: {} s{doing}", started.elapsed().as_secs());
                next_word = Instant::now() + PROGRESS_INTERVAL;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait().context("failed to wait for `go build`")?;
    if !status.success() {
        let shown: Vec<_> =
            lines.iter().filter(|line| !line.starts_with("go: downloading")).map(String::as_str).collect();
        let end = shown.len().saturating_sub(ERROR_LINES);
        bail!("`go build` ended with {status}:\n{}", shown[end..].join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_replaced_by_staging_folders_are_staged() {
        let text = "require (\n\tk8s.io/utils v0.0.0-2026\n)\nreplace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\texample.org/x => ../x\n)\n";
        assert_eq!(staged_modules(text), ["k8s.io/api"]);
    }

    #[test]
    fn kubernetes_programs_report_their_version_in_parts() {
        let flags = kubernetes_linker_flags("v1.36.3");
        assert!(flags.contains("k8s.io/component-base/version.gitVersion=v1.36.3"));
        assert!(flags.contains("k8s.io/component-base/version.gitMinor=36"));
    }

    #[test]
    fn a_missing_go_is_named_with_where_to_get_it() {
        let error = no_go(std::io::Error::from(std::io::ErrorKind::NotFound));
        assert!(error.to_string().contains("go.dev/dl"));
    }
}
