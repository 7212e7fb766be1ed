//! Undo after a commit, and a restore: another database takes the place of the target's.

pub(super) mod clone;
pub(super) mod fence;
pub(super) mod foreign;
pub(super) mod fresh;
pub(super) mod hindrances;
pub(super) mod names;
pub(super) mod restore;
pub(super) mod sequences;
pub(super) mod settings;
