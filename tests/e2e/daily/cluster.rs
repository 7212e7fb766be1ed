//! A developer's own PostgreSQL: made once, found again, gone when it is told to go.

use crate::support::Workspace;

/// Stops the server even where an assertion fails.
struct Gone<'a>(&'a Workspace);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(&["cluster", "stop", "--remove"]);
    }
}

#[test]
fn a_cluster_is_started_found_stopped_and_removed() {
    let workspace = Workspace::new();
    let none = workspace.run(&["cluster", "url"]).expect(1);
    assert!(none.stderr.contains("make one: cargo xtask cluster start"), "{}", none.stderr);
    let _gone = Gone(&workspace);

    let started = workspace.run(&["cluster", "start"]).expect(0).stdout;
    let url = workspace.run(&["cluster", "url"]).expect(0).stdout;
    let place = url.lines().next().unwrap();
    assert!(place.starts_with("postgres://postgres@localhost:"), "{url}");
    assert!(started.contains(&format!("--url {place}")), "{started}");
    let password = std::fs::read_to_string(workspace.path().join("var/cluster/password")).unwrap();
    assert!(started.contains("set migrations.postgres"), "{started}");
    assert!(!format!("{started}{url}").contains(password.trim()), "the password was printed");
    assert_eq!(workspace.run(&["cluster", "start"]).expect(0).stdout, started);

    workspace.run(&["cluster", "stop"]).expect(0);
    let stopped = workspace.run(&["cluster", "url"]).expect(0).stdout;
    assert!(stopped.starts_with(&format!("{place} (stopped")), "{stopped}");
    workspace.run(&["cluster", "stop", "--remove"]).expect(0);
    assert!(!workspace.path().join("var/cluster").exists());
}
