//! Runs `kubectl` against one cluster.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// `kubectl` with a kubeconfig.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// `program` against the current context of `kubeconfig`.
    pub fn new(program: impl Into<PathBuf>, kubeconfig: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), kubeconfig: kubeconfig.into() }
    }

    /// Path of the program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a command and returns what it printed.
    ///
    /// # Errors
    /// When it fails; the message holds what it said.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String> {
        self.run_with_input(arguments, "")
    }

    /// Runs a command with text on its standard input and returns what it printed.
    ///
    /// # Errors
    /// When it fails; the message holds what it said.
    pub fn run_with_input<A: AsRef<OsStr>>(&self, arguments: &[A], input: &str) -> Result<String> {
        let mut child = Command::new(&self.program)
            .env("KUBECONFIG", &self.kubeconfig)
            // Its cache of discovery would outlive the cluster and mislead the next one on the same port.
            .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", self.program.display()))?;
        let mut pipe = child.stdin.take().context("standard input was asked for")?;
        let input = input.to_owned();
        // A thread of its own: a command that prints while it reads must not wait for us.
        let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
        let output = child.wait_with_output().context("failed to wait for kubectl")?;
        let _ = writer.join();
        if !output.status.success() {
            let words: Vec<_> = arguments.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            bail!("`kubectl {}` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `kubectl apply` of manifests, into `namespace` where they name none.
    ///
    /// # Errors
    /// When it fails; the message holds what it said.
    pub fn apply(&self, namespace: &str, yaml: &str) -> Result<String> {
        self.run_with_input(&["apply", "--namespace", namespace, "--filename", "-"], yaml)
    }
}
