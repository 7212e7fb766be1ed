use portcullis_model::migration::{File, StrayKind};
use portcullis_model::tree::EntryKind;

use crate::rule::{Rule, id};
use crate::{Allow, Findings, Input, Severity};

pub(super) const RULE: Rule = Rule {
    id: id!(),
    severity: Severity::Error,
    allow: Allow::Never,
    summary: "A symbolic link or a special file stands where a migration or its file should.",
    why: "What a link leads to can change without a commit, and may be missing elsewhere. Diesel \
          follows links, Portcullis doesn't: the two would see different migrations.",
    instead: "Put the file or the directory itself there.",
    bad: &[],
    good: &[],
    check,
};

fn check(input: &Input<'_>, findings: &mut Findings) {
    let strays = input.set.strays.iter().filter_map(|stray| match stray.kind {
        StrayKind::NotADirectory(kind) => Some((stray.path.clone(), kind, "directory")),
        _ => None,
    });
    let files = input.files().iter().filter_map(|file| match file.file {
        File::NotAFile(kind) => Some((file.path(), *kind, "file")),
        _ => None,
    });
    for (path, kind, wanted) in strays.chain(files) {
        let message = match kind {
            EntryKind::Symlink => {
                "this is a symbolic link: what it leads to can change without a commit"
            }
            EntryKind::Directory => "this is a directory: Diesel can't read it as a file",
            EntryKind::File | EntryKind::Other => {
                "this is a special file, such as a pipe or a device"
            }
        };
        findings.on(path, message, format!("put the {wanted} itself here"));
    }
}
