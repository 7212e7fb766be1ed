//! What a PostgreSQL database needs of a server that it is restored on.

use serde::{Deserialize, Serialize};

/// What another database, and its server, must be like to hold the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nature {
    /// How texts are encoded.
    pub encoding: String,
    /// How they are sorted.
    pub collate: String,
    /// What counts as a letter.
    pub ctype: String,
    /// Those in it, in the order in which they were made.
    pub extensions: Vec<Extension>,
    /// The roles that own something in it, or that something is granted to.
    pub roles: Vec<Role>,
    /// The policies that name a role, once for each.
    pub policies: Vec<Policy>,
    /// Whether it has views whose rows are computed anew when it is restored.
    pub materialized: bool,
    /// Whether the owner of a table is under its policies, too.
    pub forced: bool,
    /// Whether somebody has granted a right on what another owns.
    pub passed_on: bool,
    /// Something that only a superuser could make again.
    pub superuser_only: Option<String>,
}

/// An extension, and where its objects are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The schema's name.
    pub schema: String,
    /// The schema's number in the source.
    pub schema_oid: String,
}

/// A role of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it is one at home.
    pub superuser: bool,
}

/// A policy, and a role that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Its number in the source.
    pub oid: String,
    /// Its name in the catalog.
    pub name: String,
    /// The role's.
    pub role: String,
}
