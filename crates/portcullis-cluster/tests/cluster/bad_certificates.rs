//! The certificates that a client must refuse, each for its own reason.

use portcullis_cluster::certificates::{Authority, Key, Request, Validity};
use portcullis_cluster::{Cluster, Options, Tls};

use crate::support::{options, psql};

#[test]
fn each_bad_certificate_is_refused_for_what_is_bad_about_it() {
    let authority = Authority::new("the authority").unwrap();
    let good = authority.issue(&Request::local(90)).unwrap();
    let tls = Tls::With(Box::new(good.clone()));
    let mut cluster = Cluster::start(&Options { tls, ..options() }).unwrap();
    let kept = Key::Kept(good.key_pem.clone());
    let validity = |from, to| Request { validity: Validity { from, to }, ..Request::local(1) };
    let cases: [(&str, Request, Result<(), &str>); 7] = [
        ("good", Request::local(90), Ok(())),
        ("expires soon", Request::local(29), Ok(())),
        ("renewed with its key", Request { key: kept, ..Request::local(60) }, Ok(())),
        ("Ed25519", Request { key: Key::Ed25519, ..Request::local(9) }, Ok(())),
        ("expired", validity(-30, -1), Err("certificate verify failed")),
        ("not yet valid", validity(1, 30), Err("certificate verify failed")),
        (
            "another host",
            Request { names: vec!["db.example.org".to_owned()], ..Request::local(90) },
            Err("does not match host name"),
        ),
    ];
    for (name, request, expected) in cases {
        let identity = authority.issue(&request).unwrap();
        assert_ne!(identity.certificate_pem, good.certificate_pem, "{name}");
        assert_eq!(identity.key_pem == good.key_pem, matches!(request.key, Key::Kept(_)), "{name}");
        cluster.show(identity).unwrap();
        match (psql(&cluster, "SELECT 1"), expected) {
            (Ok(_), Ok(())) => {}
            (Err(said), Err(expected)) => assert!(said.contains(expected), "{name}: {said}"),
            (said, _) => panic!("{name}: {said:?}"),
        }
    }
    // One of the same name isn't the same.
    let other = Authority::new("the authority").unwrap().issue(&Request::local(90)).unwrap();
    cluster.show(other).unwrap();
    std::fs::write(cluster.authority_file(), authority.pem()).unwrap();
    assert!(psql(&cluster, "SELECT 1").unwrap_err().contains("certificate verify failed"));
}
