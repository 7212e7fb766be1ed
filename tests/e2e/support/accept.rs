//! What `migrations.sum` says, without the command that writes it.

use std::path::Path;

use portcullis_model::migration::MigrationSet;
use portcullis_model::sql::Dialect;
use portcullis_model::sum::{Digests, FILE, Line, Sum, Verdict};
use portcullis_model::tree::Disk;

use super::Workspace;

impl Workspace {
    /// Accepts every migration as it is on disk.
    pub(crate) fn accept(&self) {
        let root = Path::new("migrations/sqlite");
        let set = MigrationSet::read(&Disk::new(self.path()), root).unwrap();
        let lines = set.migrations.iter().map(|migration| Line {
            directory: migration.directory.clone(),
            digests: Digests::of(migration, Dialect::Sqlite),
            verdict: Verdict::default(),
            allowed: Vec::new(),
            tested: None,
            tool: "portcullis/test".to_owned(),
            span: 0..0,
        });
        let sum = Sum { lines: lines.collect() };
        std::fs::write(self.path().join(root).join(FILE), sum.to_string()).unwrap();
    }
}
