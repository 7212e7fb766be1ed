use std::fs;

use tempfile::TempDir;

use super::*;
use crate::tree::Disk;

const ROOT: &str = "migrations";

/// A directory with an empty migrations directory.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(ROOT)).unwrap();
    directory
}

/// A directory with these files in its migrations directory.
fn with(files: &[(&str, &[u8])]) -> TempDir {
    let directory = directory();
    for (path, bytes) in files {
        let path = directory.path().join(ROOT).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    directory
}

fn read(directory: &TempDir) -> MigrationSet {
    MigrationSet::read(&Disk::new(directory.path()), Path::new(ROOT)).unwrap()
}

/// The one migration that these files make.
fn one(files: &[(&str, &[u8])]) -> Migration {
    let files: Vec<_> = files.iter().map(|(name, bytes)| (format!("1_a/{name}"), *bytes)).collect();
    let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    let mut set = read(&with(&files));
    assert_eq!((set.migrations.len(), &set.strays[..]), (1, &[][..]));
    set.migrations.remove(0)
}

fn versions(set: &MigrationSet) -> Vec<&str> {
    set.migrations.iter().map(|migration| migration.version.as_str()).collect()
}

fn strays(set: &MigrationSet) -> Vec<(&str, &StrayKind)> {
    set.strays.iter().map(|stray| (stray.path.to_str().unwrap(), &stray.kind)).collect()
}

/// What `migrations_internals::version_from_string` makes of the names.
#[test]
fn a_version_is_what_diesel_takes_for_one() {
    let cases = [
        ("20240101_eight_digits", "20240101"),
        ("20240101120000_create_users", "20240101120000"),
        ("2024-01-01-120000_create_users", "20240101120000"),
        ("00000000000000_diesel_initial_setup", "00000000000000"),
        ("1234567890123456789_nineteen", "1234567890123456789"),
        ("2024-01-01-120000", "20240101120000"),
        ("users", "users"),
        ("create-users", "createusers"),
        ("v1-2_b-c", "v12"),
        ("1__b_", "1"),
        ("_a", ""),
        ("-_a", ""),
        ("--", ""),
        (" 1 2 _a", " 1 2 "),
        ("1.5_a", "1.5"),
        ("🦀-1_crab", "🦀1"),
        // Only the one hyphen is left out.
        ("2024–01_a", "2024–01"),
        ("1_A", "1"),
    ];
    for (name, version) in cases {
        assert_eq!(version_of(name), version, "{name}");
        let set = read(&with(&[(&format!("{name}/up.sql"), b"SELECT 1")]));
        let found: Vec<_> =
            set.migrations.iter().map(|found| (&*found.directory, &*found.version)).collect();
        assert_eq!(found, [(name, version)]);
        assert_eq!(set.by_version(version).map(|found| &*found.directory), Some(name));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf_8_is_read_as_diesel_reads_it() {
    use std::os::unix::ffi::OsStrExt as _;

    let directory = directory();
    let path = Path::new(ROOT).join(OsStr::from_bytes(b"1\xff-2_\xfe"));
    fs::create_dir(directory.path().join(&path)).unwrap();
    fs::write(directory.path().join(&path).join("up.sql"), "SELECT 1").unwrap();
    let set = read(&directory);
    let found = &set.migrations[0];
    assert_eq!((&*found.version, &*found.directory), ("1\u{fffd}2", "1\u{fffd}-2_\u{fffd}"));
    assert_eq!((&found.path, found.up.text()), (&path, Some("SELECT 1")));
}

#[test]
fn versions_are_ordered_as_text() {
    let names = [
        "9_a",
        "10_a",
        "2024-01-02_a",
        "20240101_b",
        "20240101120000_a",
        "a_a",
        "_a",
        "🦀_a",
        "1_b",
        "1_a",
        "Z_a",
    ];
    let files = names.map(|name| format!("{name}/up.sql"));
    let set = read(&with(&files.each_ref().map(|path| (path.as_str(), b"SELECT 1".as_slice()))));
    let order: Vec<_> =
        set.migrations.iter().map(|migration| migration.directory.as_str()).collect();
    // Where the version is the same, the name decides.
    let expected = [
        "_a",
        "1_a",
        "1_b",
        "10_a",
        "20240101_b",
        "20240101120000_a",
        "2024-01-02_a",
        "9_a",
        "Z_a",
        "a_a",
        "🦀_a",
    ];
    assert_eq!(order, expected);
    assert!(versions(&set).is_sorted());
}

#[test]
fn what_is_no_migration_is_kept_apart() {
    let directory = with(&[
        ("1_a/up.sql", b"SELECT 1"),
        ("1_a/.hidden", b""),
        ("1_a/notes.md", b""),
        ("2_no_up/down.sql", b"SELECT 1"),
        ("3_other_case/UP.SQL", b"SELECT 1"),
        ("4_too_deep/5_b/up.sql", b"SELECT 1"),
        (".hidden/up.sql", b"SELECT 1"),
        (".gitkeep", b""),
        ("README.md", b""),
        ("up.sql", b"SELECT 1"),
    ]);
    fs::create_dir(directory.path().join(ROOT).join("6_empty")).unwrap();
    fs::create_dir(directory.path().join(ROOT).join("1_a/sub")).unwrap();
    let set = read(&directory);
    assert_eq!(versions(&set), ["1"]);
    assert_eq!(set.migrations[0].others, ["notes.md", "sub"]);
    assert_eq!(set.migrations[0].path, Path::new("migrations/1_a"));
    let expected = [
        ("migrations/2_no_up", &StrayKind::NoUp),
        ("migrations/3_other_case", &StrayKind::NoUp),
        ("migrations/4_too_deep", &StrayKind::NoUp),
        ("migrations/6_empty", &StrayKind::NoUp),
        ("migrations/README.md", &StrayKind::File),
        ("migrations/up.sql", &StrayKind::File),
    ];
    assert_eq!(strays(&set), expected);
}

#[test]
fn an_empty_directory_has_no_migrations() {
    let set = read(&directory());
    assert_eq!((versions(&set), strays(&set)), (vec![], vec![]));
    assert_eq!(set.fingerprint(), chain([]));
    assert_eq!(set.by_version(""), None);
}

#[cfg(unix)]
#[test]
fn nothing_but_files_and_directories_is_followed_or_opened() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let directory = with(&[("1_a/up.sql", b"SELECT 1")]);
    let root = directory.path().join(ROOT);
    symlink("1_a", root.join("2_link")).unwrap();
    symlink("nowhere", root.join("3_dangling")).unwrap();
    let _socket = UnixListener::bind(root.join("4_socket")).unwrap();
    fs::create_dir_all(root.join("5_b/up.sql")).unwrap();
    symlink("../1_a/up.sql", root.join("5_b/down.sql")).unwrap();
    let _socket = UnixListener::bind(root.join("5_b/metadata.toml")).unwrap();
    fs::create_dir(root.join("6_c")).unwrap();
    symlink("../1_a/up.sql", root.join("6_c/up.sql")).unwrap();

    let set = read(&directory);
    let expected = [
        ("migrations/2_link", &StrayKind::NotADirectory(EntryKind::Symlink)),
        ("migrations/3_dangling", &StrayKind::NotADirectory(EntryKind::Symlink)),
        ("migrations/4_socket", &StrayKind::NotADirectory(EntryKind::Other)),
    ];
    assert_eq!(strays(&set), expected);
    assert_eq!(versions(&set), ["1", "5", "6"]);
    let [_, odd, linked] = &set.migrations[..] else { unreachable!() };
    assert_eq!(odd.up, File::NotAFile(EntryKind::Directory));
    assert_eq!(odd.down, File::NotAFile(EntryKind::Symlink));
    assert_eq!(odd.metadata_file, File::NotAFile(EntryKind::Other));
    assert_eq!(odd.metadata, Metadata::Malformed);
    assert_eq!(linked.up, File::NotAFile(EntryKind::Symlink));
    assert_eq!((linked.up.bytes(), linked.up.text()), (None, None));
}

/// Nothing is unreadable for root: then there is nothing to test.
#[cfg(unix)]
#[test]
fn what_can_not_be_read_is_kept_with_the_reason() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = with(&[
        ("1_a/up.sql", b"SELECT 1"),
        ("1_a/metadata.toml", b""),
        ("2_b/up.sql", b"SELECT 1"),
    ]);
    let root = directory.path().join(ROOT);
    let permit = |path: &str, mode| {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap()
    };
    for path in ["1_a/up.sql", "1_a/metadata.toml", "2_b"] {
        permit(path, 0o000);
    }
    let is_root = fs::read(root.join("1_a/up.sql")).is_ok();
    let set = read(&directory);
    permit("2_b", 0o700);
    if is_root {
        return;
    }
    let denied = io::Error::from_raw_os_error(13).to_string();
    assert_eq!(set.migrations[0].up, File::Unreadable(denied.clone()));
    assert_eq!(set.migrations[0].metadata_file, File::Unreadable(denied.clone()));
    assert_eq!(set.migrations[0].metadata, Metadata::Malformed);
    assert_eq!(strays(&set), [("migrations/2_b", &StrayKind::Unreadable(denied))]);
}

#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let directory = with(&[("1_a/up.sql", b"SELECT 1"), ("1_a/metadata.toml", b"")]);
    for name in ["up.sql", "metadata.toml"] {
        let path = directory.path().join(ROOT).join("1_a").join(name);
        // Sparse: it takes no room.
        fs::File::options().write(true).open(path).unwrap().set_len(MAX_FILE + 1).unwrap();
    }
    let found = &read(&directory).migrations[0];
    assert_eq!(found.up, File::TooLarge(MAX_FILE + 1));
    assert_eq!(found.up.bytes(), None);
    assert_eq!(found.metadata, Metadata::Malformed);
    // The limit itself is still read.
    let directory = with(&[("x", b"four")]);
    let disk = Disk::new(directory.path().join(ROOT));
    assert_eq!(disk.read(Path::new("x"), 4).unwrap(), Bytes::Whole(b"four".to_vec()));
    assert_eq!(disk.read(Path::new("x"), 3).unwrap(), Bytes::TooLarge(4));
}

#[test]
fn metadata_means_what_diesel_makes_of_it() {
    use Metadata::*;
    let cases: &[(&[u8], Metadata, bool)] = &[
        (b"run_in_transaction = true", Explicit(true), true),
        (b"run_in_transaction = false", Explicit(false), false),
        (b"# c\r\n\"run_in_transaction\" = false # d\r\nother = 1\r\n", Explicit(false), false),
        (b"", KeyMissing, false),
        (b"# run_in_transaction = true", KeyMissing, false),
        (b"run_in_transactions = true", KeyMissing, false),
        (b"Run_In_Transaction = true", KeyMissing, false),
        (b"[migration]\nrun_in_transaction = true", KeyMissing, false),
        (b"run_in_transaction = \"false\"", Malformed, true),
        (b"run_in_transaction = 0", Malformed, true),
        (b"run_in_transaction = False", Malformed, true),
        (b"[run_in_transaction]", Malformed, true),
        (b"run_in_transaction = false\nrun_in_transaction = false", Malformed, true),
        (b"run_in_transaction: false", Malformed, true),
        (b"run_in_transaction = false # \xff", Malformed, true),
    ];
    assert_eq!(one(&[("up.sql", b"")]).metadata, Absent);
    assert!(Absent.run_in_transaction());
    for (text, expected, in_transaction) in cases {
        let found = one(&[("up.sql", b""), ("metadata.toml", text)]);
        let shown = String::from_utf8_lossy(text);
        assert_eq!(
            (found.metadata, found.metadata.run_in_transaction()),
            (*expected, *in_transaction),
            "{shown}"
        );
        assert_eq!(found.metadata_file, File::Read(text.to_vec()));
    }
}

#[test]
fn a_fingerprint_covers_every_byte_but_not_the_line_endings() {
    let of = |up: &[u8], down: &[u8]| one(&[("up.sql", up), ("down.sql", down)]).fingerprint();
    let reference = of(b"SELECT 1;\nSELECT 2;\n", b"SELECT 3;\n");
    for (up, down) in [
        (b"SELECT 1;\r\nSELECT 2;\r\n".as_slice(), b"SELECT 3;\r\n".as_slice()),
        (b"SELECT 1;\r\nSELECT 2;\n", b"SELECT 3;\n"),
    ] {
        assert_eq!(of(up, down), reference, "{}", up.escape_ascii());
    }
    let others: &[(&[u8], &[u8])] = &[
        (b"SELECT 1;\nSELECT 2;", b"SELECT 3;\n"),
        (b"SELECT 1;\nSELECT 2;\n\n", b"SELECT 3;\n"),
        (b"SELECT 1;\nSELECT 2; \n", b"SELECT 3;\n"),
        (b"select 1;\nSELECT 2;\n", b"SELECT 3;\n"),
        (b"SELECT 1;\rSELECT 2;\r", b"SELECT 3;\r"),
        (b"SELECT 1;\r\r\nSELECT 2;\n", b"SELECT 3;\n"),
        (b"SELECT 1;\nSELECT 2;\n\r", b"SELECT 3;\n"),
        (b"\xef\xbb\xbfSELECT 1;\nSELECT 2;\n", b"SELECT 3;\n"),
        (b"SELECT 3;\n", b"SELECT 1;\nSELECT 2;\n"),
        (b"SELECT 1;\n", b"SELECT 2;\nSELECT 3;\n"),
        (b"SELECT 1;\nSELECT 2;\nSELECT 3;\n", b""),
        (b"", b"SELECT 1;\nSELECT 2;\nSELECT 3;\n"),
    ];
    for (up, down) in others {
        assert_ne!(of(up, down), reference, "{} {}", up.escape_ascii(), down.escape_ascii());
    }
    assert_ne!(of(b"a", b""), one(&[("up.sql", b"a")]).fingerprint(), "an empty down.sql is one");
}

#[test]
fn a_fingerprint_covers_what_changes_the_run() {
    let with_metadata =
        |text: &[u8]| one(&[("up.sql", b"a"), ("metadata.toml", text)]).fingerprint();
    let plain = one(&[("up.sql", b"a")]).fingerprint();
    // Whether there is a transaction counts, not how that is said.
    for text in
        [b"run_in_transaction = true".as_slice(), b"# c\nrun_in_transaction = true", b"broken"]
    {
        assert_eq!(with_metadata(text), plain);
    }
    assert_ne!(with_metadata(b"run_in_transaction = false"), plain);
    assert_eq!(with_metadata(b"run_in_transaction = false"), with_metadata(b""));
    assert_eq!(one(&[("up.sql", b"a"), ("README.md", b"b")]).fingerprint(), plain);
    let named =
        |name: &str| read(&with(&[(&format!("{name}/up.sql"), b"a")])).migrations[0].fingerprint();
    assert_eq!(named("1_renamed"), plain);
    assert_ne!(named("2_a"), plain);
}

#[test]
fn a_set_has_the_fingerprint_of_its_members_in_order() {
    let of = |files: &[(&str, &[u8])]| read(&with(files)).fingerprint();
    let reference = of(&[("1_a/up.sql", b"a"), ("2_b/up.sql", b"b")]);
    assert_eq!(of(&[("1_a/up.sql", b"a"), ("2_b/up.sql", b"b"), ("README.md", b"")]), reference);
    assert_ne!(of(&[("1_a/up.sql", b"b"), ("2_b/up.sql", b"a")]), reference);
    assert_ne!(of(&[("1_a/up.sql", b"a")]), reference);
    let [a, b] = [b"a", b"b"].map(|bytes| Digest::of(bytes));
    assert_ne!(chain([a, b]), chain([b, a]));
}

#[test]
fn an_unreadable_root_says_what_it_is() {
    let directory = with(&[("file", b"")]);
    let disk = Disk::new(directory.path());
    for (root, expected) in [
        ("nowhere", "can't read the migrations directory nowhere: there is no such directory"),
        (
            "migrations/file",
            "can't read the migrations directory migrations/file: it is not a directory",
        ),
    ] {
        let error = MigrationSet::read(&disk, Path::new(root)).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.path, Path::new(root));
    }
}
