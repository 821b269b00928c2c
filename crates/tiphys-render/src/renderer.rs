//! Planning and carrying out, and the folders in which tools work.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tiphys_cache::{Bounded, Bounds};
use tiphys_git::{Export, ExportError, Exports};

use crate::detect;
use crate::directory;
use crate::error::RenderError;
use crate::helm::{self, ValueFile};
use crate::inputs::{Inputs, Limits};
use crate::kustomize;
use crate::manifests::Rendered;
use crate::plan::{Files, Plan, SourceType, Work};
use crate::toolbox::Toolbox;

/// Where a renderer works, and with what.
#[derive(Clone, Debug)]
pub struct RendererOptions {
    /// Folder for exported files and for tools to work in. Its content is removed at the start.
    pub root: PathBuf,
    /// Bytes of exported files that are kept for the next render.
    pub exports_bound: u64,
    /// The programs.
    pub toolbox: Toolbox,
    /// Bounds on one render.
    pub limits: Limits,
}

/// Turns sources into manifests.
#[derive(Debug)]
pub struct Renderer {
    exports: Exports,
    scratch: PathBuf,
    toolbox: Toolbox,
    limits: Limits,
    /// Whether charts, by the digest of their files, look at the cluster's version and APIs.
    sight: Bounded<blake3::Hash, bool>,
}

impl Renderer {
    /// Makes the folders.
    ///
    /// # Errors
    /// When they can't be emptied or made.
    pub fn open(options: RendererOptions) -> std::io::Result<Self> {
        let scratch = options.root.join("work");
        if scratch.exists() {
            std::fs::remove_dir_all(&scratch)?;
        }
        std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&scratch)?;
        let scratch = scratch.canonicalize()?;
        let exports =
            Exports::open(&options.root.join("exports"), options.exports_bound, options.limits.export_bytes)?;
        let sight = Bounded::new(Bounds { bytes: 1 << 20, age: Duration::from_secs(24 * 3600) });
        Ok(Self { exports, scratch, toolbox: options.toolbox, limits: options.limits, sight })
    }

    /// Finds out what a render would do. Blocking.
    ///
    /// # Errors
    /// When the source can't be rendered for a reason that its files or options show.
    pub fn plan(&self, inputs: &Inputs) -> Result<Plan, RenderError> {
        let snapshot = inputs.commit.open()?;
        let folder = detect::folder(&snapshot, &inputs.source.path)?;
        let source =
            detect::with_parameter_files(&snapshot, &folder, &inputs.source, &inputs.app_instance_name)?;
        let (limits, toolbox) = (&self.limits, &self.toolbox);
        let work = match detect::source_type(&snapshot, &folder, &source, &inputs.options)? {
            SourceType::Directory => {
                let options = source.directory.as_ref();
                Work::Directory(directory::plan(&snapshot, &folder, options, &inputs.options, limits)?)
            }
            SourceType::Kustomize => {
                let options = source.kustomize.as_ref();
                Work::Kustomize(kustomize::plan(inputs, &snapshot, &folder, options, toolbox, limits)?)
            }
            SourceType::Helm => {
                let options = source.helm.as_ref();
                Work::Helm(helm::plan(inputs, &snapshot, &folder, options, toolbox, limits, &self.sight)?)
            }
            SourceType::Plugin => {
                return Err(RenderError::NotBuilt(
                    "config management plugins are not supported yet".to_owned(),
                ));
            }
        };
        Ok(Plan::new(work, inputs.commit.clone()))
    }

    /// Carries a plan out.
    ///
    /// # Errors
    /// When a file can't be read or a tool fails. A failure leaves nothing behind.
    pub async fn render(self: &Arc<Self>, plan: &Plan) -> Result<Rendered, RenderError> {
        match &plan.work {
            Work::Directory(directory) => {
                let (directory, commit) = (directory.clone(), plan.commit.clone());
                blocking(move || directory.render(&commit.open()?)).await
            }
            Work::Kustomize(kustomize) => {
                let workspace = self.workspace(plan, kustomize.edits_files()).await?;
                kustomize.render(&workspace, &self.limits).await
            }
            Work::Helm(helm) => {
                let mut workspace = self.workspace(plan, false).await?;
                helm.render(&mut workspace, &self.limits).await
            }
        }
    }

    async fn workspace(self: &Arc<Self>, plan: &Plan, writable: bool) -> Result<Workspace, RenderError> {
        let (renderer, plan) = (Arc::clone(self), plan.clone());
        blocking(move || {
            let none = Files::default();
            let (files, value_files, parameter_files) = match &plan.work {
                Work::Directory(_) => (&none, [].as_slice(), [].as_slice()),
                Work::Kustomize(kustomize) => (&kustomize.files, [].as_slice(), [].as_slice()),
                Work::Helm(helm) => {
                    (&helm.files, helm.value_files.as_slice(), helm.file_parameters.as_slice())
                }
            };
            let snapshot = plan.commit.open()?;
            let export = renderer.exports.get(&snapshot, &files.0)?;
            let mut workspace = Workspace::new(&renderer.scratch, export)?;
            if writable {
                workspace.make_writable()?;
            }
            let limit = renderer.limits.export_bytes;
            for (position, file) in value_files.iter().enumerate() {
                write_value(&workspace.value_file(position), file, limit)?;
            }
            for (position, (_, file)) in parameter_files.iter().enumerate() {
                write_value(&workspace.parameter_file(position), file, limit)?;
            }
            Ok(workspace)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RenderError> + Send + 'static,
) -> Result<T, RenderError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(RenderError::machine("render", std::io::Error::other(error.to_string()))))
}

fn write_value(path: &Path, file: &ValueFile, limit: u64) -> Result<(), RenderError> {
    let content = file.commit.open()?.read(&file.target, limit)?;
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content));
    written.map_err(|error| RenderError::machine(format!("write {}", file.shown), error))
}

/// The folders of one run: the repository's files, and a home for the tool. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: TempDir,
    home: PathBuf,
    files: PathBuf,
    /// Keeps the exported folder for as long as it is read.
    export: Arc<Export>,
}

impl Workspace {
    fn new(scratch: &Path, export: Arc<Export>) -> Result<Self, RenderError> {
        let failed = |error| RenderError::machine("make a folder for a tool", error);
        let root = tempfile::Builder::new().prefix("run-").tempdir_in(scratch).map_err(failed)?;
        let home = root.path().join("home");
        std::fs::create_dir(&home).map_err(failed)?;
        let files = export.path().canonicalize().map_err(failed)?;
        Ok(Self { home, files, export, root })
    }

    /// The repository's files, in their folders.
    pub(crate) fn files(&self) -> &Path {
        &self.files
    }

    /// A folder that the tool may write to.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Where the value file of a position is. Its own name would not do: Helm splits paths at commas.
    pub(crate) fn value_file(&self, position: usize) -> PathBuf {
        self.root.path().join(format!("values/{position}.yaml"))
    }

    /// Where the file of the parameter of a position is.
    pub(crate) fn parameter_file(&self, position: usize) -> PathBuf {
        self.root.path().join(format!("parameters/{position}"))
    }

    /// Where the values are that stand in the application itself.
    pub(crate) fn inline_values(&self) -> PathBuf {
        self.root.path().join("values.yaml")
    }

    /// Texts to replace in what users are shown, longest first.
    pub(crate) fn shown(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        vec![
            (text(&self.inline_values()), "(inline values)".to_owned()),
            (format!("{}/", text(&self.files)), String::new()),
            (text(&self.files), ".".to_owned()),
            (format!("{}/", text(self.root.path())), String::new()),
            (text(self.root.path()), ".".to_owned()),
        ]
    }

    /// Continues with a copy of the files that may be changed.
    pub(crate) fn make_writable(&mut self) -> Result<(), RenderError> {
        let copy = self.root.path().join("files");
        if self.files != copy {
            copy_folder(self.export.path(), &copy)
                .map_err(|source| ExportError::Disk { path: "a copy of the files".to_owned(), source })?;
            self.files = copy;
        }
        Ok(())
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().mode(0o755).create(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
            let mode = entry.metadata()?.permissions().mode();
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(mode | 0o200))?;
        }
    }
    Ok(())
}
