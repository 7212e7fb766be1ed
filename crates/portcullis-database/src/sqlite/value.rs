//! A value as text, and as a number.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rusqlite::types::ValueRef;

/// What SQLite would print of it, a blob in hexadecimal; `None` is NULL.
pub(super) fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

/// A number that another value hasn't, but by chance; NULL has none.
pub(super) fn hash(value: ValueRef<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        ValueRef::Null => return 0,
        ValueRef::Integer(number) => (1, number).hash(&mut hasher),
        ValueRef::Real(number) => (2, number.to_bits()).hash(&mut hasher),
        ValueRef::Text(bytes) => (3, bytes).hash(&mut hasher),
        ValueRef::Blob(bytes) => (4, bytes).hash(&mut hasher),
    }
    hasher.finish()
}
