//! The daily loop: new, edit, lint, redo, accept, commit, merge, rebase.

mod drift;
mod help;
mod history;
mod new;
mod redo;
mod schema_rs;
mod status;
mod transcript;
mod week;
