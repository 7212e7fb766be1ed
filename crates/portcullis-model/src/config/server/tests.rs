use super::*;
use crate::config::{Config, ConfigError, Place, Target};

const PIN: &str = "sha256/n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";

fn parse(lines: &str) -> Result<Target, ConfigError> {
    let text = format!(
        "default-target = \"t\"\n[migrations]\npostgres = \"p\"\n[targets.t]\nengine = \"postgres\"\n{lines}\n"
    );
    Config::parse(&text, Path::new("/w")).map(|config| config.targets["t"].clone())
}

fn with_url(url: &str) -> Result<Target, ConfigError> {
    parse(&format!("url = \"{url}\"\nca = \"ca.pem\"\npins = [\"{PIN}\"]"))
}

fn server(target: Target) -> Server {
    let Place::Server(server) = target.place else { panic!("no server") };
    *server
}

#[test]
fn a_url_names_one_server_one_role_and_one_database() {
    let cases = [
        ("postgres://me@db.example.com/app", ("db.example.com", 5432, "me", "app")),
        ("postgresql://me@db:6000/app", ("db", 6000, "me", "app")),
        ("postgres://me@[::1]:6000/app", ("::1", 6000, "me", "app")),
        ("postgres://m%40e@127.0.0.1/a%20p%27", ("127.0.0.1", 5432, "m@e", "a p'")),
        (
            "postgres://me@db/app?sslmode=verify-full&channel_binding=require",
            ("db", 5432, "me", "app"),
        ),
    ];
    for (url, expected) in cases {
        let server = server(with_url(url).expect(url));
        let found = (&*server.host, server.port, &*server.user, &*server.database);
        assert_eq!(found, expected, "{url}");
    }
}

#[test]
fn what_would_weaken_the_connection_is_refused_by_name() {
    let cases = [
        ("postgres://me:hunter2@db/app", "holds a password"),
        ("postgres://me:hun@ter2@db/app", "holds a password"),
        ("postgres://me@db/app?password=hunter2", "holds a password"),
        ("postgres://me@db/app?sslmode=disable", "sslmode is weaker"),
        ("postgres://me@db/app?sslmode=prefer", "sslmode is weaker"),
        ("postgres://me@db/app?sslmode=require", "sslmode is weaker"),
        ("postgres://me@db/app?sslrootcert=/hunter2", "chooses what is trusted"),
        ("postgres://me@db/app?channel_binding=disable", "how the connection is secured"),
        ("postgres://me@db/app?gssencmode=prefer", "how the connection is secured"),
        ("postgres://me@db/app?ssl_min_protocol_version=TLSv1", "how the connection is secured"),
        (
            "postgres://me@db/app?options=-c%20session_replication_role=replica",
            "constraints and triggers",
        ),
        ("postgres://me@db/app?hostaddr=10.0.0.1", "names another server"),
        ("postgres://me@db/app?service=x", "names another server"),
        ("postgres://me@db/app?hunter2=x", "isn't known here"),
        ("postgres://me@a,b/app", "several hosts"),
        ("postgres://me@%2Fvar%2Frun/app", "Unix socket"),
        ("postgres://me@/app", "no host"),
        ("postgres://db/app", "no user"),
        ("postgres://@db/app", "no user"),
        ("postgres://me@db", "no database"),
        ("postgres://me@db/", "no database"),
        ("postgres://me@db:x/app", "port"),
        ("postgres://me@db/a%zz", "percent-encoding"),
        ("mysql://me@db/app", "postgres://"),
        ("host=db password=hunter2", "postgres://"),
    ];
    for (url, cause) in cases {
        let error = with_url(url).expect_err(url);
        assert!(error.cause.contains(cause), "{url}: {}", error.cause);
        assert!(error.place.ends_with("targets.t.url"), "{url}: {}", error.place);
        let all = format!("{error} {}", error.next_step);
        assert!(!all.contains("ter2"), "{url}: {all}");
    }
}

#[test]
fn a_pin_is_whole_and_named_once() {
    let hex = "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08";
    let certificate = format!("certificate-sha256/{hex}");
    let of =
        |pins: &str| parse(&format!("url = \"postgres://me@db/app\"\nca = \"c\"\npins = [{pins}]"));
    let both = server(of(&format!("\"{PIN}\", \"{certificate}\"")).unwrap()).pins;
    assert_eq!(both[0].to_string(), PIN);
    assert_eq!(both[1].to_string(), certificate.replace(':', "").to_ascii_lowercase());
    let zero = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let (short, bare) = ("sha256/AAAA", &hex[..20]);
    let twice = format!("\"{PIN}\", \"{PIN}\"");
    for (pins, cause) in [
        (String::new(), "no pin"),
        (format!("\"{zero}\""), "neither"),
        (format!("\"{short}\""), "neither"),
        (format!("\"{bare}\""), "neither"),
        ("\"\"".to_owned(), "neither"),
        (twice, "twice"),
    ] {
        let error = of(&pins).expect_err(&pins);
        assert!(error.cause.contains(cause), "{pins}: {}", error.cause);
    }
}

#[test]
fn keys_are_held_to_their_engine_and_meaning() {
    let whole = format!("url = \"postgres://me@db/app\"\nca = \"c\"\npins = [\"{PIN}\"]\n");
    let cases = [
        ("path = \"a.db\"", "path", "for SQLite"),
        ("password-env = \"hunter 2\"", "password-env", "no name of a variable"),
        ("password-env = \"A\"\npassword-file = \"b\"", "password-file", "two places"),
        ("cluster = \"hunter2\"", "cluster", "no system identifier"),
        ("lock-timeout = \"0s\"", "lock-timeout", "more than zero"),
        (
            "backup = { kind = \"command\", command = [], verify = [\"x\"] }",
            "backup",
            "must name a program",
        ),
        ("protected = true\nbackups = \"/srv/b\"", "cluster", "missing"),
    ];
    for (lines, key, cause) in cases {
        let error = parse(&format!("{whole}{lines}")).expect_err(lines);
        assert!(error.place.ends_with(key), "{lines}: {}", error.place);
        assert!(error.cause.contains(cause), "{lines}: {}", error.cause);
        assert!(!format!("{error}{}", error.next_step).contains("hunter"), "{lines}");
    }
    let server = server(parse(&whole).unwrap());
    assert_eq!(server.password, Password::Environment("PORTCULLIS_T_PASSWORD".to_owned()));
    assert_eq!(server.ca, Path::new("/w/c"));
    let sqlite = "[targets.dev]\nengine = \"sqlite\"\npath = \"a.db\"\nca = \"c\"";
    assert!(Config::parse(sqlite, Path::new("/w")).unwrap_err().cause.contains("for PostgreSQL"));
}

#[test]
fn a_scratch_server_is_another_targets() {
    let of = |scratch: &str| {
        let target = |name: &str, url: &str, more: &str| {
            format!(
                "[targets.{name}]\nengine = \"postgres\"\nurl = \"{url}\"\nca = \"c\"\npins = [\"{PIN}\"]\n{more}\n"
            )
        };
        let text = format!(
            "default-target = \"t\"\n[migrations]\npostgres = \"p\"\n{}{}{}[targets.lite]\nengine = \"sqlite\"\npath = \"a.db\"\n",
            target("t", "postgres://me@db/app", &format!("scratch = \"{scratch}\"")),
            target("staging", "postgres://trial@elsewhere/postgres", "scratch = \"t\""),
            target("beside", "postgres://me@db/other", ""),
        );
        Config::parse(&text, Path::new("/w")).map(|config| server(config.targets["t"].clone()))
    };
    let found = *of("staging").unwrap().scratch.unwrap();
    assert_eq!((&*found.host, &*found.user), ("elsewhere", "trial"));
    assert_eq!(found.password, Password::Environment("PORTCULLIS_STAGING_PASSWORD".to_owned()));
    assert_eq!(found.scratch, None);
    for (name, cause) in [
        ("stagin", "no target"),
        ("lite", "is no server"),
        ("t", "that backups are taken of"),
        ("beside", "that backups are taken of"),
    ] {
        let error = of(name).expect_err(name);
        assert!(error.cause.contains(cause), "{name}: {}", error.cause);
        assert!(error.place.ends_with("targets.t.scratch"), "{name}: {}", error.place);
    }
}
