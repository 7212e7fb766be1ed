//! Reading from git, by way of the `git` program. Nothing here writes to a repository.

mod branch;
mod find;
mod grep;
mod history;
mod listing;
mod objects;
mod program;
mod repository;
mod tree;

pub use branch::Branch;
pub use find::Search;
pub use grep::Hit;
pub use repository::{Commit, Repository, Underway, Version};
pub use tree::GitTree;
