//! Which local backups may go.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use portcullis_database::backup::{self, Sidecar};
use portcullis_model::config::{Retention, Target};
use uuid::Uuid;

use crate::steps;

/// Removes what may go of this database's backups. A failure is no reason to fail the
/// run: the next one tries again.
pub(crate) fn apply(target: &Target, identity: Uuid, run: Uuid) {
    let Ok(backups) = backup::list(&target.backups) else { return };
    // Another database's backups in the same directory are none of this one's business.
    let own: Vec<_> =
        backups.into_iter().filter(|(_, sidecar)| sidecar.identity == Some(identity)).collect();
    let spared = |path: &PathBuf| {
        let of_this_run = own.iter().any(|(own, sidecar)| own == path && sidecar.run == run);
        // Somebody was told to restore it.
        of_this_run || steps::path(path).exists()
    };
    for path in
        expired(&own, target.retention, SystemTime::now()).iter().filter(|path| !spared(path))
    {
        let _ = backup::remove(path);
    }
    remove_old_partials(target);
}

/// What a run that died left half copied, a day ago or longer.
fn remove_old_partials(target: &Target) {
    let Ok(entries) = std::fs::read_dir(&target.backups) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_partial = path.extension().is_some_and(|extension| extension == "partial");
        let age = path
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|time| time.elapsed().ok());
        if is_partial && age.is_some_and(|age| age > PARTIALS_STAY) {
            // A file, or a directory of files.
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
    }
}

const PARTIALS_STAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Neither among the newest nor young. A time that can't be read is young.
fn expired(backups: &[(PathBuf, Sidecar)], retention: Retention, now: SystemTime) -> Vec<PathBuf> {
    let old = |sidecar: &Sidecar| {
        let age = humantime::parse_rfc3339(&sidecar.created)
            .map_or(Duration::ZERO, |created| now.duration_since(created).unwrap_or_default());
        age > retention.keep_for
    };
    // `list` gives the oldest first, and configuration keeps `keep_last` at one or more.
    let beyond = backups.len().saturating_sub(retention.keep_last.max(1));
    backups[..beyond]
        .iter()
        .filter(|(_, sidecar)| old(sidecar))
        .map(|(path, _)| path.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::digest::Digest;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn backups(ages_in_days: &[u32]) -> (Vec<(PathBuf, Sidecar)>, SystemTime) {
        let now = SystemTime::UNIX_EPOCH + DAY * 20_000;
        let list = ages_in_days
            .iter()
            .map(|age| {
                let sidecar = Sidecar {
                    format: 1,
                    engine: "sqlite".into(),
                    engine_version: "3".into(),
                    target: "dev".into(),
                    identity: None,
                    run: Uuid::nil(),
                    created: humantime::format_rfc3339_seconds(now - DAY * *age).to_string(),
                    bytes: 0,
                    sha256: Digest::of(b""),
                    schema: Digest::of(b""),
                    applied: vec![],
                    journal_mode: None,
                    dump: None,
                    verified: vec![],
                    foreign_key_violations: vec![],
                    milliseconds: 0,
                };
                (PathBuf::from(age.to_string()), sidecar)
            })
            .collect();
        (list, now)
    }

    #[test]
    fn only_what_is_both_old_and_not_among_the_newest_goes() {
        let cases: &[(&[u32], usize, u32, &[&str])] = &[
            (&[90, 60, 40, 1], 2, 30, &["90", "60"]),
            (&[90, 60, 40, 1], 2, 70, &["90"]),
            (&[90, 60], 5, 1, &[]),
            (&[90], 1, 0, &[]),
            (&[], 1, 0, &[]),
        ];
        for (ages, keep_last, days, gone) in cases {
            let (list, now) = backups(ages);
            let retention = Retention { keep_last: *keep_last, keep_for: DAY * *days };
            let found: Vec<String> = expired(&list, retention, now)
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            assert_eq!(found, *gone, "{ages:?}");
        }
    }

    #[test]
    fn a_clock_that_was_wrong_removes_nothing() {
        let (mut list, now) = backups(&[90, 60, 1]);
        list[0].1.created = "9999-12-31T23:59:59Z".into();
        list[1].1.created = "garbage".into();
        let retention = Retention { keep_last: 1, keep_for: DAY };
        assert_eq!(expired(&list, retention, now), Vec::<PathBuf>::new());
    }
}
