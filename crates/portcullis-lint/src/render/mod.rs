//! Findings as text: for people, and for what shows them beside the code.

mod github;
mod human;

pub use github::github;
pub use human::human;
