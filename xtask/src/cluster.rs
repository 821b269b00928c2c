//! `cargo xtask cluster`: control planes that stay up until they are told to go.
//!
//! Each has a folder in the cache. A process in the background owns the control plane and holds a lock there, so
//! that a cluster whose owner was killed is known to be gone.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tiphys_test_kit::{
    ControlPlane, ControlPlaneConfig, Tool, Tools, user_cache_folder, wait_until_blocking,
};

/// How long `up` waits for the background process, which itself gives up earlier.
const UP_DEADLINE: Duration = Duration::from_secs(300);
/// How long `down` waits.
const DOWN_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Subcommand)]
pub(crate) enum ClusterCommand {
    /// Starts a cluster, or finds it running, and prints its kubeconfig
    Up(UpArgs),
    /// Ends a cluster; its data go away
    Down(NameArgs),
    /// Prints the path of a cluster's kubeconfig
    Kubeconfig(NameArgs),
    /// Lists the clusters that run
    List,
}

#[derive(Args)]
pub(crate) struct NameArgs {
    /// Name of the cluster
    #[arg(long, default_value = "dev")]
    name: String,
}

#[derive(Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    name: NameArgs,
    /// Stay in the foreground and end the cluster on Ctrl-C
    #[arg(long)]
    keep_in_foreground: bool,
}

pub(crate) fn run(command: &ClusterCommand) -> Result<()> {
    match command {
        ClusterCommand::Up(args) if args.keep_in_foreground => Cluster::named(&args.name.name)?.own(),
        ClusterCommand::Up(args) => Cluster::named(&args.name.name)?.up(),
        ClusterCommand::Down(args) => Cluster::named(&args.name)?.down(),
        ClusterCommand::Kubeconfig(args) => Cluster::named(&args.name)?.print_kubeconfig(),
        ClusterCommand::List => list(),
    }
}

struct Cluster {
    name: String,
    folder: PathBuf,
}

impl Cluster {
    fn named(name: &str) -> Result<Self> {
        let fits = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        };
        if name.is_empty() || !name.chars().all(fits) {
            bail!("`{name}` is no name for a cluster: use lower-case letters, digits and `-`");
        }
        Ok(Self { name: name.to_owned(), folder: clusters()?.join(name) })
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.join("plane/kubeconfig")
    }

    /// The lock, unless a running owner has it.
    fn try_lock(&self) -> Result<Option<File>> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("failed to create {}", self.folder.display()))?;
        let path = self.folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("failed to open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("failed to lock {}", path.display()))
            }
        }
    }

    fn is_running(&self) -> Result<bool> {
        Ok(self.try_lock()?.is_none())
    }

    fn is_ready(&self) -> bool {
        self.folder.join("ready").exists()
    }

    /// Runs the control plane until a signal asks for its end.
    fn own(&self) -> Result<()> {
        let Some(_lock) = self.try_lock()? else {
            bail!("the cluster `{}` is already running", self.name);
        };
        let ready = self.folder.join("ready");
        let plane_folder = self.folder.join("plane");
        // Left by an owner that was killed.
        let _ = fs::remove_file(&ready);
        let _ = fs::remove_dir_all(&plane_folder);
        fs::write(self.folder.join("pid"), std::process::id().to_string())
            .context("failed to write the pid")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start a runtime")?;
        let plane = ControlPlane::start(ControlPlaneConfig {
            name: self.name.clone(),
            folder: Some(plane_folder.clone()),
            ..ControlPlaneConfig::default()
        })?;
        fs::write(&ready, "").context("failed to say that the cluster is ready")?;
        println!("cluster `{}` is ready at {}", self.name, plane.server_url());
        println!("export KUBECONFIG={}", plane.kubeconfig().display());
        let signal = runtime.block_on(end_asked_for())?;
        println!("{signal}: ending the cluster `{}`", self.name);
        let _ = fs::remove_file(&ready);
        drop(plane);
        fs::remove_dir_all(&plane_folder)
            .with_context(|| format!("failed to remove {}", plane_folder.display()))
    }

    /// Starts an owner in the background and waits until the cluster is ready.
    fn up(&self) -> Result<()> {
        if !self.is_running()? {
            // Here, so that its progress is seen.
            Tools::ensure(Tool::CONTROL_PLANE)?;
            let _ = fs::remove_file(self.folder.join("ready"));
            let log_path = self.folder.join("log");
            let log = File::create(&log_path)
                .with_context(|| format!("failed to create {}", log_path.display()))?;
            let errors = log.try_clone().context("failed to open the log twice")?;
            let mut owner = Command::new(std::env::current_exe().context("failed to find this program")?)
                .args(["cluster", "up", "--keep-in-foreground", "--name", &self.name])
                .stdin(Stdio::null())
                .stdout(log)
                .stderr(errors)
                .process_group(0)
                .spawn()
                .context("failed to start the cluster's process")?;
            let deadline = Instant::now() + UP_DEADLINE;
            while !self.is_ready() {
                if let Some(status) = owner.try_wait().context("failed to look at the cluster's process")? {
                    let said = fs::read_to_string(&log_path).unwrap_or_default();
                    bail!("the cluster did not start ({status}): {}", said.trim());
                }
                if Instant::now() >= deadline {
                    bail!(
                        "the cluster is not ready after {} s; see {}",
                        UP_DEADLINE.as_secs(),
                        log_path.display()
                    );
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        wait_until_blocking(UP_DEADLINE, "the cluster is ready", || {
            if self.is_ready() { Ok(()) } else { Err("it is still starting") }
        })?;
        println!("export KUBECONFIG={}", self.kubeconfig().display());
        Ok(())
    }

    fn down(&self) -> Result<()> {
        if !self.is_running()? {
            println!("the cluster `{}` is not running", self.name);
            return Ok(());
        }
        // Whoever holds the lock wrote its pid, so this pid is not a stranger's.
        let pid = fs::read_to_string(self.folder.join("pid")).context("failed to read the pid")?;
        let pid: i32 = pid.trim().parse().context("the file `pid` holds no pid")?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).context("failed to ask the cluster to end")?;
        wait_until_blocking(DOWN_DEADLINE, "the cluster has ended", || match self.is_running() {
            Ok(false) => Ok(()),
            Ok(true) => Err("it still runs".to_owned()),
            Err(error) => Err(format!("{error:#}")),
        })?;
        println!("the cluster `{}` is gone", self.name);
        Ok(())
    }

    fn print_kubeconfig(&self) -> Result<()> {
        if !self.is_running()? || !self.is_ready() {
            bail!("the cluster `{}` is not running; `cargo xtask cluster up` starts it", self.name);
        }
        println!("{}", self.kubeconfig().display());
        Ok(())
    }
}

fn clusters() -> Result<PathBuf> {
    Ok(user_cache_folder()?.join("clusters"))
}

fn list() -> Result<()> {
    let folder = clusters()?;
    let mut names = Vec::new();
    match fs::read_dir(&folder) {
        Ok(entries) => {
            for entry in entries {
                let entry = entry.with_context(|| format!("failed to read {}", folder.display()))?;
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("failed to read {}", folder.display())),
    }
    names.sort();
    for name in names {
        let cluster = Cluster::named(&name)?;
        if cluster.is_running()? {
            println!("{name}\t{}", cluster.kubeconfig().display());
        }
    }
    Ok(())
}

/// Waits for Ctrl-C, a polite request to end, or the end of the terminal.
async fn end_asked_for() -> Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for signals")?;
    let mut hangup = signal(SignalKind::hangup()).context("failed to listen for signals")?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "asked to end",
        _ = hangup.recv() => "the terminal is gone",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_the_folder_is_refused() {
        for name in ["", "../x", "a/b", "A"] {
            assert!(Cluster::named(name).is_err(), "{name}");
        }
    }
}
