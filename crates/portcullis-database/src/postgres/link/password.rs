//! Where a target's password is read from; it never is in the configuration.

use std::env::VarError;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use portcullis_model::config::Password;
use portcullis_model::redact;

use crate::{Error, ErrorKind, Result};

const OPERATION: &str = "read the password";

/// Longer ones are no passwords.
const LONGEST: u64 = 64 << 10;

pub(crate) fn read(place: &Password) -> Result<String> {
    let text = match place {
        Password::Environment(variable) => from_variable(variable)?,
        Password::File(path) => from_file(path)?,
    };
    let wrong = |cause: &str, next: &str| {
        Err(Error::new(ErrorKind::Refused, OPERATION, shown(place), cause, next))
    };
    if text.is_empty() {
        return wrong("it is empty", "put the password there");
    }
    if text.contains('\0') {
        return wrong("it holds a NUL character", "put the password there, as text");
    }
    Ok(text)
}

/// Where the password came from, for people.
pub(crate) fn shown(place: &Password) -> String {
    match place {
        Password::Environment(variable) => {
            format!("the variable {}", redact::printable(variable))
        }
        Password::File(path) => redact::path(path),
    }
}

fn from_variable(variable: &str) -> Result<String> {
    std::env::var(variable).map_err(|error| {
        let cause = match error {
            VarError::NotPresent => "it isn't set",
            VarError::NotUnicode(_) => "it isn't UTF-8",
        };
        let next = "set it to the password, or name another place: password-env, password-file";
        let place = format!("the variable {}", redact::printable(variable));
        Error::new(ErrorKind::Refused, OPERATION, place, cause, next)
    })
}

fn from_file(path: &Path) -> Result<String> {
    let io = |error: std::io::Error| Error::io(OPERATION, path, &error).refused();
    let refused = |cause: &str, next: &str| {
        Err(Error::new(ErrorKind::Refused, OPERATION, redact::path(path), cause, next))
    };
    // Asked of the name first: opening a named pipe would wait for a writer.
    if !fs::metadata(path).map_err(io)?.is_file() {
        return refused("it is no regular file", "name a file that holds the password alone");
    }
    let file = fs::File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return refused("others may read or write it", "chmod 600 it");
    }
    if metadata.len() > LONGEST {
        return refused("it is too large for a password", "name a file that holds it alone");
    }
    let text = match std::io::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return refused("it isn't UTF-8", "put the password there, as text");
        }
        Err(error) => return Err(io(error)),
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(directory: &tempfile::TempDir, bytes: &[u8], mode: u32) -> Password {
        let path = directory.path().join("password");
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Password::File(path)
    }

    #[test]
    fn a_file_gives_its_one_line() {
        let directory = tempfile::tempdir().unwrap();
        for (bytes, password) in [
            (&b"s3cret"[..], "s3cret"),
            (b"s3cret\n", "s3cret"),
            (b"s3cret\r\n", "s3cret"),
            (b" a b\n\n", " a b\n"),
            ("p@ss:w/ör?d#%\\'".as_bytes(), "p@ss:w/ör?d#%\\'"),
        ] {
            assert_eq!(read(&file(&directory, bytes, 0o600)).unwrap(), password);
        }
    }

    #[test]
    fn what_is_no_private_password_is_refused_without_its_value() {
        let directory = tempfile::tempdir().unwrap();
        for (bytes, mode, cause) in [
            (&b"hunter2"[..], 0o640, "others may read"),
            (b"hunter2", 0o602, "others may read"),
            (b"hunter2\0x", 0o600, "NUL"),
            (b"hunter2\xff", 0o600, "UTF-8"),
            (b"\n", 0o600, "empty"),
        ] {
            let error = read(&file(&directory, bytes, mode)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused);
            assert!(error.to_string().contains(cause), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        }
        let error = read(&Password::File(directory.path().to_owned())).unwrap_err();
        assert!(error.cause.contains("no regular file"), "{error}");
        let error = read(&Password::File(directory.path().join("missing"))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = read(&Password::Environment("PORTCULLIS_NO_SUCH_PASSWORD".into())).unwrap_err();
        assert!(error.place.contains("PORTCULLIS_NO_SUCH_PASSWORD"), "{error}");
        assert!(error.cause.contains("isn't set"), "{error}");
    }
}
