//! Git over SSH: Debian's `sshd` on loopback, with keys of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::ports::free_ports;
use crate::scratch::ScratchFolder;
use crate::supervise::{Program, Supervised};

/// How long the server may take until it listens.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Places of `sshd` that are not on every `PATH`.
const PLACES: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// A running `sshd` that lets one key in as the present user. It ends when it is dropped.
#[derive(Debug)]
pub struct GitSshServer {
    server: Supervised,
    port: u16,
    user: String,
    host_key: String,
    client_key: String,
    folder: ScratchFolder,
}

impl GitSshServer {
    /// Starts a server; nothing, with a line `skipped: …`, where this machine has no `sshd` and cannot get one.
    /// As root it is installed with `apt-get`.
    ///
    /// # Errors
    /// When the server is there and does not start.
    pub fn start() -> Result<Option<Self>> {
        let Some(sshd) = find_or_install() else {
            eprintln!("skipped: Git over SSH needs sshd (Debian: openssh-server)");
            return Ok(None);
        };
        let folder = ScratchFolder::new("tiphys-ssh-")?;
        let host_key = make_key(&folder.path().join("host_key"))?;
        let client_public = make_key(&folder.path().join("client_key"))?;
        let client_key =
            fs::read_to_string(folder.path().join("client_key")).context("failed to read a key")?;
        let authorized = folder.path().join("authorized_keys");
        fs::write(&authorized, &client_public).context("failed to authorize a key")?;
        fs::set_permissions(&authorized, fs::Permissions::from_mode(0o600))
            .context("failed to protect the authorized keys")?;
        if nix::unistd::geteuid().is_root() {
            // Its own start scripts make this folder; without it the server refuses to run as root.
            fs::create_dir_all("/run/sshd").context("failed to create /run/sshd")?;
        }
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid())
            .context("failed to look up the present user")?
            .context("the present user has no name")?
            .name;
        let port = free_ports(1)?.first().copied().context("no port is free")?;
        let options = [
            "ListenAddress=127.0.0.1".to_owned(),
            format!("Port={port}"),
            format!("HostKey={}", folder.path().join("host_key").display()),
            format!("AuthorizedKeysFile={}", authorized.display()),
            format!("PidFile={}", folder.path().join("pid").display()),
            "PermitRootLogin=prohibit-password".to_owned(),
            "PasswordAuthentication=no".to_owned(),
            "KbdInteractiveAuthentication=no".to_owned(),
            "UsePAM=no".to_owned(),
            // The folder is a temporary one, whose parents everybody may write to.
            "StrictModes=no".to_owned(),
            // Tests open many connections at once.
            "MaxStartups=200".to_owned(),
        ];
        let mut program =
            Program::new("sshd", sshd, folder.path().join("log")).args(["-D", "-e", "-f", "/dev/null"]);
        for option in options {
            program = program.arg("-o").arg(option);
        }
        let server = program.start()?;
        let started = Self { server, port, user, host_key, client_key, folder };
        started.wait_until_it_listens()?;
        Ok(Some(started))
    }

    fn wait_until_it_listens(&self) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.server.ended().is_some() || Instant::now() >= deadline {
                bail!("sshd does not listen; the end of its log:\n{}", self.server.log_tail(10));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// URL of a repository on this machine, in the form with a scheme: `ssh://user@127.0.0.1:port/path`.
    #[must_use]
    pub fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, repository.display())
    }

    /// The private key that is let in, in OpenSSH's form.
    #[must_use]
    pub fn client_key(&self) -> &str {
        &self.client_key
    }

    /// The line of `known_hosts` for this server.
    #[must_use]
    pub fn known_hosts(&self) -> String {
        let mut words = self.host_key.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        let key = words.next().unwrap_or_default();
        format!("[127.0.0.1]:{} {kind} {key}\n", self.port)
    }

    /// Port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets another key in, given by its public half.
    ///
    /// # Errors
    /// When the list of keys cannot be written.
    pub fn authorize(&self, public_key: &str) -> Result<()> {
        let path = self.folder.path().join("authorized_keys");
        let mut keys = fs::read_to_string(&path).context("failed to read the authorized keys")?;
        keys.push_str(public_key.trim());
        keys.push('\n');
        fs::write(&path, keys).context("failed to authorize a key")
    }

    /// How often a client was let in.
    #[must_use]
    pub fn logins(&self) -> usize {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("Accepted publickey")).count()
    }
}

fn find_or_install() -> Option<PathBuf> {
    find().or_else(|| {
        let root = nix::unistd::geteuid().is_root();
        if !root || !Path::new("/usr/bin/apt-get").exists() {
            return None;
        }
        eprintln!("git over SSH: installing openssh-server");
        let apt = |arguments: &[&str]| {
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let install = ["install", "--yes", "--no-install-recommends", "openssh-server"];
        if !apt(&install) {
            // The lists of packages may be missing or old.
            apt(&["update"]);
            apt(&install);
        }
        find()
    })
}

fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Makes a key pair at `path` and returns the public part.
fn make_key(path: &Path) -> Result<String> {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "tiphys-test", "-f"])
        .arg(path)
        .output()
        .context("failed to start `ssh-keygen`")?;
    if !output.status.success() {
        bail!("`ssh-keygen` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    fs::read_to_string(path.with_extension("pub")).context("failed to read a public key")
}
