//! The daily loop: new, edit, lint, redo, accept, commit, merge, rebase.

mod accept;
mod cluster;
mod drift;
mod help;
mod history;
mod new;
mod parity;
mod rebase;
mod redo;
mod redo_rows;
mod schema_rs;
mod status;
mod sum;
mod transcript;
mod week;
