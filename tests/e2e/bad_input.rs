//! Wrong, missing, foreign and hostile input: it is refused with the right code, and the
//! database isn't touched.

mod configuration;
mod database;
mod disk;
mod history;
mod identity;
mod migrations;
mod names;
mod protected;
mod runners;
mod smoke_files;
