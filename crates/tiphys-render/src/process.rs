//! Running a tool: nothing of this process's environment, a home that is empty, limits on time, output and memory,
//! and all of its children ended with it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::{Resource, Rlimit};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::error::RenderError;
use crate::inputs::Limits;
use crate::toolbox::Tool;

/// Bytes of a tool's error output that are kept.
const ERROR_BYTES: usize = 64 << 10;

/// Memory that a tool may map. Go programs reserve much more than they use.
const ADDRESS_SPACE: u64 = 16 << 30;

/// Size of a file that a tool may write.
const FILE_SIZE: u64 = 1 << 30;

/// Files that a tool may have open.
const OPEN_FILES: u64 = 4096;

/// One run of a tool.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) tool: &'a Tool,
    pub(crate) arguments: Vec<OsString>,
    /// Where it runs.
    pub(crate) folder: &'a Path,
    /// Where it may write: its home and its temporary files.
    pub(crate) home: &'a Path,
    /// Texts that are replaced in everything shown to users: a folder of this machine, and its path in the
    /// repository.
    pub(crate) shown: Vec<(String, String)>,
}

impl Run<'_> {
    /// Runs it and returns its standard output.
    pub(crate) async fn output(&self, limits: &Limits) -> Result<Vec<u8>, RenderError> {
        let name = self.tool.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failed = |error| RenderError::machine(format!("run {name}"), error);
        let mut command = Command::new(&self.tool.path);
        command
            .args(&self.arguments)
            .current_dir(self.folder)
            .env_clear()
            .envs(environment(self.home))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let group = Group::of(&child);
        limit_resources(&child, limits);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (output, errors) = tokio::join!(
                read_up_to(stdout, limits.output_bytes, true),
                read_up_to(stderr, ERROR_BYTES, false)
            );
            let output = match output {
                Ok(output) => output,
                Err(ReadError::TooMuch) => {
                    let what = format!("the output of `{}`", self.command());
                    return Err(RenderError::TooLarge {
                        what,
                        limit: format!("{} bytes", limits.output_bytes),
                    });
                }
                Err(ReadError::Io(error)) => return Err(failed(error)),
            };
            let status = child.wait().await.map_err(failed)?;
            Ok((status, output, errors.unwrap_or_default()))
        };
        let done = tokio::time::timeout(limits.tool_timeout, work).await;
        let (status, output, errors) = match done {
            Ok(done) => done?,
            Err(_) => {
                group.end(&mut child, limits.tool_grace).await;
                let seconds = limits.tool_timeout.as_secs();
                return Err(RenderError::ToolTimeout { command: self.command(), seconds });
            }
        };
        if status.success() {
            return Ok(output);
        }
        let errors = self.as_shown(String::from_utf8_lossy(&errors).trim());
        let how = match status.code() {
            Some(code) => format!("exit status {code}: {errors}"),
            None => format!("{status}: {errors}"),
        };
        Err(RenderError::Tool { command: self.command(), how })
    }

    fn command(&self) -> String {
        let name = self.tool.path.file_name().unwrap_or_default().to_string_lossy();
        let mut text = name.into_owned();
        for argument in &self.arguments {
            text.push(' ');
            text.push_str(&argument.to_string_lossy());
            if text.len() > 2000 {
                text.push_str(" …");
                break;
            }
        }
        self.as_shown(&text)
    }

    fn as_shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (here, shown) in &self.shown {
            text = text.replace(here.as_str(), shown);
        }
        text
    }
}

/// All that a tool sees of the environment.
fn environment(home: &Path) -> Vec<(&'static str, OsString)> {
    let inside = |name: &str| home.join(name).into_os_string();
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    vec![
        ("PATH", path),
        ("HOME", home.into()),
        ("TMPDIR", home.into()),
        ("XDG_CACHE_HOME", inside("cache")),
        ("XDG_CONFIG_HOME", inside("config")),
        ("XDG_DATA_HOME", inside("data")),
        ("HELM_CACHE_HOME", inside("cache")),
        ("HELM_CONFIG_HOME", inside("config")),
        ("HELM_DATA_HOME", inside("data")),
        ("HELM_PLUGINS", inside("plugins")),
        // One tool of several: it need not take all processors.
        ("GOMAXPROCS", "2".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_TERMINAL_PROMPT", "0".into()),
        ("GIT_ALLOW_PROTOCOL", "https:http:ssh".into()),
        ("LANG", "C.UTF-8".into()),
    ]
}

/// From outside, right after the start: the tool's own children inherit it.
fn limit_resources(child: &Child, limits: &Limits) {
    let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
    else {
        return;
    };
    let cpu = limits.tool_timeout.as_secs().saturating_mul(4).max(10);
    let bounds = [
        (Resource::Core, 0),
        (Resource::As, ADDRESS_SPACE),
        (Resource::Fsize, FILE_SIZE),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Cpu, cpu),
    ];
    for (resource, bound) in bounds {
        let limit = Rlimit { current: Some(bound), maximum: Some(bound) };
        if let Err(error) = rustix::process::prlimit(Some(pid), resource, limit) {
            // It may have ended already.
            tracing::debug!(?resource, %error, "a limit could not be set");
        }
    }
}

/// The processes of one run; whatever is left of them ends when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    async fn end(&self, child: &mut Child, grace: Duration) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGTERM);
            if tokio::time::timeout(grace, child.wait()).await.is_err() {
                let _ = killpg(group, Signal::SIGKILL);
                let _ = child.wait().await;
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The number stays taken for as long as one process of the group lives; if none does, this fails.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

enum ReadError {
    TooMuch,
    Io(std::io::Error),
}

/// Reads to the end; beyond `limit` it stops (`strict`) or reads on and drops.
async fn read_up_to(
    from: Option<impl AsyncRead + Unpin>,
    limit: usize,
    strict: bool,
) -> Result<Vec<u8>, ReadError> {
    let Some(mut from) = from else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut piece).await.map_err(ReadError::Io)?;
        if read == 0 {
            return Ok(bytes);
        }
        let room = limit.saturating_sub(bytes.len());
        if read > room && strict {
            return Err(ReadError::TooMuch);
        }
        bytes.extend_from_slice(piece.get(..read.min(room)).unwrap_or_default());
    }
}
