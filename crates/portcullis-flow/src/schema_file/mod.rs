//! `schema.rs`, which Diesel's queries are checked against: kept in step with the database
//! by the `diesel` program where there is one, compared by us where there isn't.

mod compare;
mod config;
mod table_macro;

use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use portcullis_database::seam::Table;
use portcullis_model::catalog::Catalog;
use portcullis_model::config::{Place, Target};
use portcullis_model::redact;

use crate::observe::Clock;
use config::PrintSchema;

/// What to type where the `diesel` program is missing.
const INSTALL: &str = "cargo install diesel_cli --no-default-features --features sqlite-bundled";

/// How a `schema.rs` stands to a database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SchemaFile {
    /// The file, from the root of the workspace.
    pub file: PathBuf,
    /// What it lacks, or has too much, or why it can't be read: one sentence each. Empty
    /// if it is in step.
    pub behind: Vec<String>,
}

/// Compares the files that `diesel.toml` names with a database's tables.
pub fn check(root: &Path, target: &Target, tables: &[Table], catalog: &Catalog) -> Vec<SchemaFile> {
    match config::read(root, target) {
        Ok(files) => files.iter().map(|file| check_one(root, file, tables, catalog)).collect(),
        Err(why) => vec![SchemaFile { file: config::FILE.into(), behind: vec![why] }],
    }
}

fn check_one(root: &Path, one: &PrintSchema, tables: &[Table], catalog: &Catalog) -> SchemaFile {
    let behind = match std::fs::read_to_string(root.join(&one.file)) {
        Ok(text) => match table_macro::tables(&text) {
            Ok(declared) => compare::behind(&declared, tables, catalog, one.scope),
            Err(why) => vec![format!("it can't be read: {why}")],
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            vec!["there is no such file yet".to_owned()]
        }
        Err(error) => vec![format!("it can't be read: {error}")],
    };
    SchemaFile { file: one.file.clone(), behind }
}

/// Brings the files in step, as far as that is possible: a run has succeeded whether or
/// not it is.
pub(crate) fn bring_up_to_date(root: &Path, target: &Target, clock: &mut Clock<'_>) {
    if target.protected {
        return;
    }
    match config::read(root, target) {
        Ok(files) => {
            for file in files {
                if let Some(detail) = bring_one_up_to_date(root, target, &file) {
                    clock.stage("schema", &detail);
                }
            }
        }
        Err(why) => clock.stage("schema", &format!("{}: {why}", config::FILE)),
    }
}

/// What there is to say, if there is anything.
fn bring_one_up_to_date(root: &Path, target: &Target, one: &PrintSchema) -> Option<String> {
    let shown = redact::path(&one.file);
    let why = match print_schema(root, target, one) {
        Ok(text) => match write_if_other(&root.join(&one.file), &text) {
            Ok(Written::Same) => return None,
            Ok(Written::New) => return Some(format!("{shown} brought up to date")),
            Err(error) => format!("it couldn't be written: {error}"),
        },
        Err(NotPrinted::NoProgram) => INSTALL.to_owned(),
        Err(NotPrinted::Failed(why)) => format!("diesel print-schema failed: {why}"),
    };
    let mut reader = portcullis_database::open_reader(target).ok().flatten()?;
    let (tables, catalog) = (reader.columns().ok()?, reader.survey().ok()?.catalog);
    let behind = check_one(root, one, &tables, &catalog).behind;
    let all = behind.join("; ");
    (!behind.is_empty()).then(|| format!("{shown} is behind: {all} ({why})"))
}

enum NotPrinted {
    NoProgram,
    Failed(String),
}

/// What the `diesel` program would write, asked for in an environment that can't send it
/// to another database.
fn print_schema(root: &Path, target: &Target, one: &PrintSchema) -> Result<String, NotPrinted> {
    // The program would connect without a pin, and be handed a password: not to a server.
    let Place::File(path) = &target.place else { return Err(NotPrinted::NoProgram) };
    let mut command = Command::new("diesel");
    command.env_clear().current_dir(root).stdin(Stdio::null());
    for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.args(["print-schema", "--config-file"]).arg(root.join(config::FILE));
    command.arg("--database-url").arg(path).args(["--schema-key", &one.key]);
    let output = patiently(command).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NotPrinted::NoProgram,
        io::ErrorKind::TimedOut => {
            NotPrinted::Failed(format!("it said nothing for {} s", PATIENCE.as_secs()))
        }
        _ => NotPrinted::Failed(error.to_string()),
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty());
        return Err(NotPrinted::Failed(first.unwrap_or("it said nothing").trim().to_owned()));
    }
    // An empty answer is no schema: the file stays as it is.
    match String::from_utf8(output.stdout) {
        Ok(text) if !text.trim().is_empty() => Ok(text),
        Ok(_) => Err(NotPrinted::Failed("it printed nothing".to_owned())),
        Err(_) => Err(NotPrinted::Failed("it printed no text".to_owned())),
    }
}

/// How long a run that has succeeded waits for another program.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program's output, if it ends in time. It writes into files: a pipe that nobody reads
/// would keep it from ending.
fn patiently(mut command: Command) -> io::Result<Output> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn()?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut output = Output { status, stdout: Vec::new(), stderr: Vec::new() };
    for (file, bytes) in [(&mut stdout, &mut output.stdout), (&mut stderr, &mut output.stderr)] {
        file.rewind()?;
        file.read_to_end(bytes)?;
    }
    Ok(output)
}

enum Written {
    Same,
    New,
}

/// Writes aside and renames, so that a compiler never sees half a file.
fn write_if_other(path: &Path, text: &str) -> io::Result<Written> {
    // A link stays one: what it leads to is written.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if std::fs::read_to_string(path).is_ok_and(|there| table_macro::is_same(&there, text)) {
        return Ok(Written::Same);
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let mode = std::fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode());
    let mut file = tempfile::Builder::new().prefix(".schema-").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(Written::New)
}
