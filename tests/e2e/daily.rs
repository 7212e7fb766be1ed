//! The daily loop: new, edit, lint, redo, accept, commit, merge, rebase.

mod help;
mod new;
mod transcript;
