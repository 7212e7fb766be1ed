//! Who may be trusted: each way that a server can be the wrong one, and that nothing is sent
//! to it then.

use std::time::{Duration, Instant};

use portcullis_cluster::certificates::{Authority, Identity, Key, Request, Validity};
use portcullis_cluster::{Cache, Options, Tls};

use super::fake::{Fake, Manner, is_only_a_handshake};
use super::target::{Says, configure, pin, psql, run, start, workspace};
use crate::support::{Ran, Workspace};

/// Row by row. A14, a certificate that changes before the dump, is with the backups.
const ROWS: [(&str, fn()); 18] = [
    ("A1 no TLS", no_tls),
    ("A2 something else than TLS", no_server),
    ("A3 another authority", another_authority),
    ("A4 another host's certificate", another_host),
    ("A5 expired, or not yet valid", not_valid_now),
    ("A6 another pin", another_pin),
    ("A7 the second pin", second_pin),
    ("A8 a list of pins that is none", no_pins),
    ("A9 TLS 1.1", old_tls),
    ("A10 sslmode in the URL", sslmode),
    ("A11 hostaddr, a socket, several hosts", other_places),
    ("A12 hostile variables", variables),
    ("A13 trust, md5, password", unbound),
    ("A15 another cluster with the certificate", another_cluster),
    ("A16 another database of the cluster", another_database),
    ("A17 a standby", standby),
    ("A18 a copy with the mark in it", copy),
    ("A19 SQLite: a link, another file, none", other_files),
];

#[test]
fn every_lock_holds() {
    let numbers: Vec<u32> = ROWS
        .iter()
        .map(|(name, _)| name[1..].split(' ').next().unwrap().parse().unwrap())
        .collect();
    let expected: Vec<u32> = (1..=19).filter(|number| *number != 14).collect();
    assert_eq!(numbers, expected, "a row is missing");
    let failed: Vec<&str> = std::thread::scope(|scope| {
        // Two at a time: most of a row is waiting.
        let halves: Vec<_> = [0, 1]
            .map(|half| {
                scope.spawn(move || {
                    let rows = ROWS.iter().skip(half).step_by(2);
                    rows.filter(|(name, row)| {
                        let failed = std::panic::catch_unwind(row).is_err();
                        eprintln!("{} {name}", if failed { "FAILED" } else { "    ok" });
                        failed
                    })
                    .map(|(name, _)| *name)
                    .collect::<Vec<_>>()
                })
            })
            .into();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{failed:?}");
}

fn authority() -> Authority {
    Authority::new("An authority").unwrap()
}

fn local() -> Identity {
    authority().issue(&Request::local(30)).unwrap()
}

/// The target is refused, with these words, and a look at it and a run say the same.
#[track_caller]
fn refuses(says: &Says, words: &[&str], variables: &[(&str, &str)]) -> Ran {
    let workspace = workspace(says);
    let ran = run(&workspace, says, &["status"], variables).expect(1);
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} isn't in:\n{}", ran.stderr);
    }
    let json = run(&workspace, says, &["migrate", "--format", "json"], variables).expect(1).json();
    assert_eq!(json["code"], 1, "{json}");
    ran
}

/// The same for a fake server, which must have got nothing but a handshake.
#[track_caller]
fn fake_refuses(manner: Manner, identity: &Identity, words: &[&str]) {
    let fake = Fake::new(manner);
    let says = Says::of(fake.port, identity);
    refuses(&says, words, &[]);
    let sent = fake.sent();
    assert!(sent.connections > 0);
    assert!(sent.inside.is_empty(), "{} bytes were sent inside of TLS", sent.inside.len());
    assert!(is_only_a_handshake(&sent.clear), "{:?}", String::from_utf8_lossy(&sent.clear));
}

fn no_tls() {
    fake_refuses(Manner::NoTls, &local(), &["offers no TLS"]);
    let cluster = start(&Options { tls: Tls::Off, ..Options::default() });
    let says = Says { port: cluster.port(), ..Says::of(0, &local()) };
    refuses(&says, &["offers no TLS", "ssl = on"], &[]);
}

fn no_server() {
    let started = Instant::now();
    fake_refuses(Manner::Then(b"HTTP/1.1 400 Bad Request\r\n\r\n"), &local(), &["doesn't"]);
    fake_refuses(Manner::Then(b""), &local(), &["doesn't answer"]);
    let workspace_time = started.elapsed();
    for manner in [Manner::Silent, Manner::Mute] {
        let fake = Fake::new(manner);
        let says = Says::of(fake.port, &local());
        let started = Instant::now();
        let ran = run(&workspace(&says), &says, &["status"], &[]).expect(1);
        assert!(ran.stderr.contains("doesn't answer as a server does"), "{}", ran.stderr);
        assert!(started.elapsed() < Duration::from_secs(15), "it hangs");
        assert!(is_only_a_handshake(&fake.sent().clear));
    }
    assert!(workspace_time < Duration::from_secs(60));
    let nobody = Says { port: 1, ..Says::of(0, &local()) };
    refuses(&nobody, &["nothing listens there"], &[]);
    let nowhere = Says { host: "no-such-host.invalid", ..nobody };
    refuses(&nowhere, &["leads to no address"], &[]);
}

fn another_authority() {
    let (ours, theirs) = (local(), local());
    // The pin is right: somebody else signed the same key, so to say.
    let says = Identity { authority_pem: ours.authority_pem.clone(), ..theirs.clone() };
    let words = ["isn't from the target's authority", "it is from CN=An authority"];
    fake_refuses(Manner::Shows(Box::new(theirs)), &says, &words);
    let cluster = start(&Options::default());
    let right = Says::right(&cluster);
    refuses(&Says { authority_pem: ours.authority_pem, ..right.clone() }, &words[..1], &[]);
    refuses(
        &Says { authority_pem: String::new(), ..right.clone() },
        &["holds no certificate"],
        &[],
    );
    refuses(
        &Says { authority_pem: "nonsense".to_owned(), ..right },
        &["holds no certificate"],
        &[],
    );
}

fn another_host() {
    let other = Request { names: vec!["db.example".to_owned()], ..Request::local(30) };
    let identity = authority().issue(&other).unwrap();
    let words = ["its certificate is for db.example, not for localhost"];
    fake_refuses(Manner::Shows(Box::new(identity.clone())), &identity, &words);
}

fn not_valid_now() {
    for (from, to, words) in [
        (-20, -2, ["its certificate has expired, on 20", "renew it"]),
        (2, 20, ["its certificate isn't valid before 20", "clocks"]),
    ] {
        let request = Request { validity: Validity { from, to }, ..Request::local(1) };
        let identity = authority().issue(&request).unwrap();
        fake_refuses(Manner::Shows(Box::new(identity.clone())), &identity, &words);
    }
}

fn another_pin() {
    let authority = authority();
    let [ours, theirs] = [0, 1].map(|_| authority.issue(&Request::local(30)).unwrap());
    let words = ["none of the target's pins; it has sha256/", "over another channel"];
    fake_refuses(Manner::Shows(Box::new(theirs.clone())), &ours, &words);
    // Renewed with the same key: the pin of the whole certificate is another one too.
    let kept = Request { key: Key::Kept(ours.key_pem.clone()), ..Request::local(60) };
    let renewed = authority.issue(&kept).unwrap();
    fake_refuses(Manner::Shows(Box::new(renewed)), &ours, &words[..1]);
    // On a real server too, and what it is said to have is what it has.
    let cluster = start(&Options { tls: Tls::With(Box::new(theirs)), ..Options::default() });
    let right = Says::right(&cluster);
    let ran = refuses(&Says { pins: vec![pin(&ours)], ..right.clone() }, &words, &[]);
    let seen = ran.stderr.split_once("it has ").unwrap().1.split(' ').next().unwrap().to_owned();
    passes(&Says { pins: vec![seen], ..right });
}

/// A run goes through, and its receipt is given.
#[track_caller]
fn passes(says: &Says) -> serde_json::Value {
    let workspace = workspace(says);
    run(&workspace, says, &["migrate"], &[]).expect(0);
    receipt(&workspace, says)
}

fn receipt(workspace: &Workspace, says: &Says) -> serde_json::Value {
    let ran = run(workspace, says, &["receipt", "list", "--format", "json"], &[]).expect(0);
    ran.json()["receipts"].as_array().unwrap().last().unwrap()["predicate"].clone()
}

fn second_pin() {
    let cluster = start(&Options::default());
    let right = Says::right(&cluster);
    let pins = vec![pin(&local()), right.pins[0].clone()];
    let receipt = passes(&Says { pins: pins.clone(), ..right });
    let connection = &receipt["target"]["connection"];
    assert_eq!(connection["pin"], pins[1].as_str(), "{connection}");
    assert_eq!(connection["channelBinding"], true);
    assert!(connection["tlsVersion"].as_str().unwrap().starts_with("TLSv1."));
}

fn no_pins() {
    let good = Says::of(1, &local());
    let zero = format!("certificate-sha256/{}", "0".repeat(64));
    for pins in [
        vec![],
        vec![String::new()],
        vec!["sha256/abc".to_owned()],
        vec![zero],
        vec![good.pins[0].clone(), good.pins[0].clone()],
    ] {
        let says = Says { pins, ..good.clone() };
        let ran = run(&workspace(&says), &says, &["status"], &[]).expect(2);
        assert!(ran.stderr.contains("targets.pg.pins"), "{}", ran.stderr);
    }
}

fn old_tls() {
    let options = Options::default()
        .setting("ssl_min_protocol_version", "TLSv1")
        .setting("ssl_max_protocol_version", "TLSv1.1");
    let cluster = start(&options);
    refuses(&Says::right(&cluster), &["nothing newer than TLS 1.1"], &[]);
}

/// The URL is refused as configuration.
fn url_is_refused(url: &str) {
    let says = Says::of(1, &local());
    let workspace = workspace(&says);
    let text = std::fs::read_to_string(workspace.path().join("portcullis.toml")).unwrap();
    workspace.configure(&text.replace(&says.url(), url));
    let ran = run(&workspace, &says, &["status"], &[]).expect(2);
    assert!(ran.stderr.contains("targets.pg.url"), "{url}: {}", ran.stderr);
}

fn sslmode() {
    for mode in ["disable", "allow", "prefer", "require", "verify-ca", ""] {
        url_is_refused(&format!("postgres://app@localhost/app?sslmode={mode}"));
    }
}

fn other_places() {
    for url in [
        "postgres://app@localhost/app?hostaddr=127.0.0.1",
        "postgres:///app?host=/var/run/postgresql",
        "postgres://app@%2Fvar%2Frun%2Fpostgresql/app",
        "postgres://app@one,two/app",
        "postgres://app@localhost/app?options=-csession_replication_role%3Dreplica",
    ] {
        url_is_refused(url);
    }
}

fn variables() {
    let cluster = start(&Options::default());
    let right = Says::right(&cluster);
    for variable in [
        ("PGSSLMODE", "disable"),
        ("PGSERVICE", "evil"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGGSSENCMODE", "prefer"),
        ("PGOPTIONS", "-csession_replication_role=replica"),
        ("OPENSSL_CONF", "/dev/null"),
    ] {
        let words = format!("the variable {}", variable.0);
        refuses(&right, &[&words, &format!("unset {}", variable.0)], &[variable]);
    }
    // What is common in a shell has no effect, and says so by having none.
    let harmless = [
        ("PGHOST", "evil.example"),
        ("PGUSER", "evil"),
        ("PGSSLMODE", "verify-full"),
        ("PGPORT", "1"),
    ];
    let workspace = workspace(&right);
    run(&workspace, &right, &["migrate"], &harmless).expect(0);
    // An authority of the environment isn't trusted.
    let ours = local();
    let file = workspace.write("other.pem", cluster.identity().unwrap().authority_pem.as_str());
    let file = ("SSL_CERT_FILE", file.to_str().unwrap());
    let wrong = Says { authority_pem: ours.authority_pem, ..right };
    refuses(&wrong, &["isn't from the target's authority"], &[file]);
}

fn unbound() {
    let mut cluster = start(&Options::default().setting("password_encryption", "md5"));
    psql(&cluster, "postgres", "CREATE ROLE weak LOGIN PASSWORD 'hunter2'");
    let weak = Says { user: "weak".into(), password: "hunter2".into(), ..Says::right(&cluster) };
    for (method, words) in [
        ("trust", "doesn't bind the login"),
        ("password", "doesn't bind the login"),
        ("md5", "doesn't bind the login"),
        ("scram-sha-256", "refuses the password"),
    ] {
        cluster.admit(&format!("hostssl all all all {method}\n")).unwrap();
        refuses(&weak, &[words], &[]);
    }
    // Whoever switches it off gets in, and the receipt says so.
    cluster.admit("hostssl all all all password\n").unwrap();
    let right = Says { more: "channel-binding = \"off\"\n".to_owned(), ..Says::right(&cluster) };
    assert_eq!(passes(&right)["target"]["connection"]["channelBinding"], false);
    // A wrong password says where it came from.
    let wrong = Says { password: "hunter2".into(), ..right };
    refuses(&wrong, &["refuses the password", "PORTCULLIS_PG_PASSWORD"], &[]);
}

fn another_cluster() {
    let identity = local();
    let shows = || Options {
        tls: Tls::With(Box::new(identity.clone())),
        cache: Cache::Off,
        ..Options::default()
    };
    let (ours, theirs) = (start(&shows()), start(&shows()));
    let id = psql(&ours, "postgres", "SELECT system_identifier FROM pg_control_system()");
    let more = format!("cluster = \"{id}\"\n");
    passes(&Says { more: more.clone(), ..Says::right(&ours) });
    let swapped = Says { more, ..Says::right(&theirs) };
    refuses(&swapped, &[&format!("the target's is {id}")], &[]);
}

fn another_database() {
    let cluster = start(&Options::default());
    let right = Says::right(&cluster);
    refuses(&Says { database: "nothing", ..right.clone() }, &["there is no database nothing"], &[]);
    psql(&cluster, "postgres", "CREATE DATABASE app");
    let app = Says { database: "app", ..right };
    let workspace = workspace(&app);
    run(&workspace, &app, &["migrate"], &[]).expect(0);
    // Made anew under its name, without what was in it.
    psql(&cluster, "postgres", "DROP DATABASE app");
    psql(&cluster, "postgres", "CREATE DATABASE app");
    psql(&cluster, "app", "CREATE TABLE somebody_elses (id int)");
    let ran = run(&workspace, &app, &["migrate"], &[]).expect(1);
    assert!(ran.stderr.contains("couldn't identify"), "{}", ran.stderr);
}

fn standby() {
    let patience = Duration::from_secs(4);
    let mut cluster = start(&Options { patience, ..Options::default() });
    let right = Says::right(&cluster);
    cluster.stop(portcullis_cluster::Shutdown::Fast).unwrap();
    let signal = cluster.data_directory().join("standby.signal");
    std::fs::write(signal, "").unwrap();
    // It answers, as a standby does.
    let _ = cluster.start_again();
    refuses(&right, &["it is a standby", "name the primary"], &[]);
}

fn copy() {
    let cluster = start(&Options::default());
    psql(&cluster, "postgres", "CREATE DATABASE production");
    let production = Says { database: "production", ..Says::right(&cluster) };
    let workspace = workspace(&production);
    run(&workspace, &production, &["migrate"], &[]).expect(0);
    psql(&cluster, "postgres", "CREATE DATABASE staging TEMPLATE production");
    let staging = Says { database: "staging", ..production };
    configure(&workspace, &staging);
    let ran = run(&workspace, &staging, &["migrate"], &[]).expect(1);
    assert!(ran.stderr.contains("it is a copy"), "{}", ran.stderr);
    assert_eq!(psql(&cluster, "staging", "SELECT count(*) FROM one"), "0");
}

fn other_files() {
    let family = Workspace::with_family();
    family.migrate();
    let (real, database) = (family.path().join("real.db"), family.database());
    // A link to the right file, and then to another one.
    std::fs::rename(&database, &real).unwrap();
    std::os::unix::fs::symlink(&real, &database).unwrap();
    family.stops(&["migrate"], 1);
    std::fs::remove_file(&database).unwrap();
    std::fs::hard_link(&real, &database).unwrap();
    family.stops(&["migrate"], 1);
    std::fs::remove_file(&database).unwrap();
    // Another file, with another identity or none.
    let other = Workspace::with_family();
    other.migrate();
    std::fs::copy(other.database(), &database).unwrap();
    family.stops(&["migrate"], 1);
    std::fs::remove_file(&database).unwrap();
    family.configure_target("protected = true\n");
    family.stops(&["status"], 2);
    assert!(!database.exists(), "it was made");
}
