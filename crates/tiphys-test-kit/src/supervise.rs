//! Child processes that never outlive their owner, however the owner ends.
//!
//! Each program runs below a shell that waits on a pipe from the owner. When the pipe closes, because the owner
//! dropped it, panicked, was interrupted or was killed, the shell ends the program. A process cannot skip that
//! by not running destructors, which is what happens to statics in a test binary.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Time that a program has between the request to end and its being killed, in tenths of a second.
const GRACE_TENTHS: u32 = 50;
/// Longest time that [`Supervised::stop`] waits: the grace plus what a loaded machine needs.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// The program is the shell's background job; the watcher passes signals on, line by line, until its pipe ends.
/// Descriptor 3 keeps the pipe, because a background job's standard input is not the shell's.
const SUPERVISOR: &str = r#"
grace=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
(
  while read -r signal <&3; do kill -s "$signal" "$child" 2>/dev/null; done
  kill -s CONT "$child" 2>/dev/null
  kill -s TERM "$child" 2>/dev/null
  while [ "$grace" -gt 0 ] && kill -0 "$child" 2>/dev/null; do sleep 0.1; grace=$((grace-1)); done
  kill -s KILL "$child" 2>/dev/null
) &
watcher=$!
exec 3<&-
trap '' INT TERM HUP
wait "$child"
status=$?
kill -s KILL "$watcher" 2>/dev/null
exit "$status"
"#;

/// A signal that a program can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Please end.
    Term,
    /// End at once.
    Kill,
    /// Stand still: connections stay open and nothing answers.
    Stop,
    /// Go on after [`Signal::Stop`].
    Cont,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        }
    }
}

/// A program, its arguments and environment, and the file that takes its output.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    log: PathBuf,
}

impl Program {
    /// A program named `name` in messages; `log` takes what it prints.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            log: log.into(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts the program.
    ///
    /// # Errors
    /// When the program or the shell cannot be started, or the log cannot be opened.
    pub fn start(&self) -> Result<Supervised> {
        if !self.path.is_file() {
            bail!("failed to start {}: {} is not there", self.name, self.path.display());
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("failed to open {}", self.log.display()))?;
        let errors = log.try_clone().with_context(|| format!("failed to open {}", self.log.display()))?;
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(SUPERVISOR)
            .arg(format!("tiphys-{}", self.name))
            .arg(GRACE_TENTHS.to_string())
            .arg(&self.path)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            // A group of its own: Ctrl-C reaches the owner, which then ends its programs in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start {}", self.name))?;
        let pipe = child.stdin.take();
        Ok(Supervised {
            name: self.name.clone(),
            log: self.log.clone(),
            state: Mutex::new(State { child, pipe, ended: None }),
        })
    }
}

/// A running program. Dropping it ends the program and waits until it is gone.
#[derive(Debug)]
pub struct Supervised {
    name: String,
    log: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    child: Child,
    pipe: Option<ChildStdin>,
    ended: Option<ExitStatus>,
}

impl Supervised {
    /// Name of the program, as in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that takes what the program prints.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends a signal to the program. One that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = state.pipe.as_mut() {
            // A closed pipe means that the program has ended, which is no failure of a signal.
            let _ = writeln!(pipe, "{}", signal.name()).and_then(|()| pipe.flush());
        }
    }

    /// Process id of the program itself, for measuring it; nothing when it has ended.
    pub fn program_pid(&self) -> Option<u32> {
        let shell = self.state.lock().unwrap_or_else(PoisonError::into_inner).child.id();
        // The shell's children are the program and the watcher, which is a copy of the shell.
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() != "sh")
        })
    }

    /// How the program ended, or nothing while it runs.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).poll()
    }

    /// Asks the program to end, kills it when it does not within five seconds, and waits until it is gone.
    pub fn stop(&self) {
        self.ask_to_end();
        self.wait(STOP_DEADLINE);
    }

    /// Asks the program to end and does not wait.
    pub fn ask_to_end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).pipe = None;
    }

    /// Kills the program and waits until it is gone.
    pub fn kill(&self) {
        self.signal(Signal::Kill);
        self.wait(STOP_DEADLINE);
    }

    /// Waits until the program has ended, at most for `longest`.
    pub fn wait(&self, longest: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + longest;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The last `lines` lines that the program printed.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }
}

impl State {
    fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
            if self.ended.is_some() {
                self.pipe = None;
            }
        }
        self.ended
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(folder: &Path, script: &str) -> Supervised {
        Program::new("probe", "/bin/sh", folder.join("log")).args(["-c", script]).start().unwrap()
    }

    fn pid_in(path: &Path) -> nix::unistd::Pid {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if let Some(pid) = text.strip_suffix('\n').and_then(|text| text.parse().ok()) {
                return nix::unistd::Pid::from_raw(pid);
            }
            assert!(Instant::now() < deadline, "the probe wrote no pid");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_alive(pid: nix::unistd::Pid) -> bool {
        nix::sys::signal::kill(pid, None).is_ok()
    }

    #[test]
    fn a_dropped_program_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let program =
            shell(folder.path(), &format!("echo $$ > {}/pid; exec sleep 60", folder.path().display()));
        let pid = pid_in(&folder.path().join("pid"));
        assert!(is_alive(pid));
        drop(program);
        assert!(!is_alive(pid));
    }

    #[test]
    fn a_program_that_ignores_the_request_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let program = shell(
            folder.path(),
            &format!("trap '' TERM; echo $$ > {}/pid; while :; do sleep 1; done", folder.path().display()),
        );
        let pid = pid_in(&folder.path().join("pid"));
        program.stop();
        assert!(!is_alive(pid));
    }

    #[test]
    fn a_killed_owner_takes_its_program_along() {
        let folder = tempfile::tempdir().unwrap();
        // The owner here is a shell that holds the write end of the supervisor's pipe and is killed.
        let pid_file = folder.path().join("pid");
        let mut owner = Command::new("sh")
            .arg("-c")
            .arg("sleep 60 | sh -c \"$0\" probe 50 /bin/sh -c \"echo \\$\\$ > $1; exec sleep 61\"")
            .arg(SUPERVISOR)
            .arg(&pid_file)
            .process_group(0)
            .spawn()
            .unwrap();
        let pid = pid_in(&pid_file);
        let group = nix::unistd::Pid::from_raw(i32::try_from(owner.id()).unwrap());
        // Ends the holder of the pipe; the supervisor ignores what a terminal sends to the whole group.
        nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGINT).unwrap();
        owner.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_alive(pid) {
            assert!(Instant::now() < deadline, "the program outlived its owner");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn the_exit_status_and_the_output_of_a_program_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let program = shell(folder.path(), "echo one; echo two >&2; exit 3");
        let status = program.wait(Duration::from_secs(10)).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(program.log_tail(1), "two");
    }

    #[test]
    fn a_stopped_program_goes_on_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let program = shell(folder.path(), "while :; do echo tick; sleep 0.02; done");
        let log = folder.path().join("log");
        let length = || std::fs::metadata(&log).unwrap().len();
        let until = |condition: &dyn Fn() -> bool| {
            let deadline = Instant::now() + Duration::from_secs(10);
            while !condition() {
                assert!(Instant::now() < deadline);
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        until(&|| length() > 0);
        program.signal(Signal::Stop);
        // Standing still is seen when the log has not grown over ten ticks.
        until(&|| {
            let before = length();
            std::thread::sleep(Duration::from_millis(200));
            length() == before
        });
        let standing = length();
        program.signal(Signal::Cont);
        until(&|| length() > standing);
    }
}
