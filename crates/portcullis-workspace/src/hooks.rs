//! The hook that lints what is staged before git commits it.

mod place;
mod script;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use portcullis_model::redact;

use crate::Error;
use crate::git::Repository;

pub use place::Place;

/// The name of our hook.
const HOOK: &str = "pre-commit";

/// What a hook that was there before is called from then on.
const KEPT: &str = "pre-commit.before-portcullis";

/// Whose hook is in the place of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// There is none.
    Nothing,
    /// Ours.
    Ours,
    /// Somebody else's.
    Foreign,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The directory that git takes hooks from.
    pub place: Place,
    /// Our hook, or what is in its place.
    pub hook: PathBuf,
    /// Whose it is.
    pub present: Present,
    /// The hook that was there before, which ours calls.
    pub kept: Option<PathBuf>,
}

/// What an installation or its removal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is as it was asked for.
    None,
    /// There was no hook, or there is none now.
    Done,
    /// An older version of ours was replaced.
    Updated,
    /// The hook that was there is kept under this name, and called first.
    Kept(PathBuf),
    /// The hook that was there before is back.
    PutBack,
}

/// Looks at the hooks, and changes nothing.
///
/// # Errors
/// Git or the directory can't be read.
pub fn status(repository: &Repository) -> Result<Status, Error> {
    let place = place::find(repository)?;
    let (hook, kept) = (place.directory().join(HOOK), place.directory().join(KEPT));
    let present = match fs::read(&hook) {
        Ok(text) if script::is_ours(&text) => Present::Ours,
        Ok(_) => Present::Foreign,
        // A link that leads nowhere is somebody's all the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !hook.is_symlink() => {
            Present::Nothing
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Present::Foreign,
        Err(error) => return Err(unusable("read the hook", &hook, &error)),
    };
    let kept = exists(&kept).then_some(kept);
    Ok(Status { place, hook, present, kept })
}

/// Has git lint what is staged before each commit, with `program` as long as it is as new
/// as its sources. A hook that is there is kept and called first.
///
/// # Errors
/// The place for hooks is shared with others, or can't be written.
pub fn install(repository: &Repository, program: &Path) -> Result<Change, Error> {
    const INSTALL: &str = "install the hook";
    let status = status(repository)?;
    status.place.require_own(INSTALL)?;
    let text = script::text(repository, program);
    let failed = |error: io::Error| unusable(INSTALL, &status.hook, &error);
    let change = match status.present {
        Present::Ours if fs::read(&status.hook).map_err(failed)? == text => {
            return Ok(Change::None);
        }
        Present::Ours => Change::Updated,
        Present::Nothing => status.kept.map_or(Change::Done, Change::Kept),
        Present::Foreign => {
            if let Some(kept) = &status.kept {
                return Err(two_hooks(INSTALL, &status.hook, kept));
            }
            let kept = status.place.directory().join(KEPT);
            fs::rename(&status.hook, &kept).map_err(failed)?;
            Change::Kept(kept)
        }
    };
    write_program(status.place.directory(), &status.hook, &text).map_err(failed)?;
    Ok(change)
}

/// Takes our hook away, and puts the one back that was there before.
///
/// # Errors
/// The place for hooks can't be written.
pub fn uninstall(repository: &Repository) -> Result<Change, Error> {
    let status = status(repository)?;
    if status.present != Present::Ours {
        return Ok(Change::None);
    }
    let (done, change) = match &status.kept {
        Some(kept) => (fs::rename(kept, &status.hook), Change::PutBack),
        None => (fs::remove_file(&status.hook), Change::Done),
    };
    done.map_err(|error| unusable("take the hook away", &status.hook, &error))?;
    Ok(change)
}

/// Git never sees half a hook: it is written aside and renamed.
fn write_program(directory: &Path, file: &Path, text: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut aside = tempfile::NamedTempFile::new_in(directory)?;
    aside.write_all(text)?;
    aside.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
    aside.persist(file)?;
    Ok(())
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn two_hooks(operation: &str, hook: &Path, kept: &Path) -> Error {
    let (hook, kept) = (redact::path(hook), redact::path(kept));
    Error::refused(
        operation,
        hook.clone(),
        format!("it isn't ours, and {kept} is there too: only one can be kept"),
        format!("join the two in {hook}, remove {kept}, then cargo xtask hooks install"),
    )
}

fn unusable(operation: &str, place: &Path, error: &io::Error) -> Error {
    Error::refused(
        operation,
        redact::path(place),
        error.to_string(),
        "make the directory one that you may read and write",
    )
}
