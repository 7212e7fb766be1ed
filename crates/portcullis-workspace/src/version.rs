//! Versions of new migrations: after every other, in the style that is in use.

use std::time::{Duration, SystemTime};

/// The beginnings of directory names for `count` new migrations that run, in order, after
/// `newest` (a version as Diesel records it): Diesel's own timestamps, or the next numbers
/// where versions are counted. None if nothing of the kind sorts after `newest`.
pub(crate) fn after(newest: Option<&str>, now: SystemTime, count: usize) -> Option<Vec<String>> {
    let is_counted = |version: &&str| {
        version.len() < 8 && !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit())
    };
    let versions: Vec<String> = match newest.filter(is_counted) {
        Some(counted) => {
            let (number, width) = (counted.parse::<usize>().ok()?, counted.len());
            (1..=count).map(|more| format!("{:0width$}", number + more)).collect()
        }
        None => {
            let earliest = newest.and_then(instant).map(|newest| newest + Duration::from_secs(1));
            let first = earliest.map_or(now, |earliest| earliest.max(now));
            (0..count as u64).map(|more| timestamp(first + Duration::from_secs(more))).collect()
        }
    };
    let all_later = versions.first().is_none_or(|first| newest < Some(&first.replace('-', "")));
    // A number that outgrew its width sorts before the others again.
    let sorted = versions.is_sorted();
    (all_later && sorted).then_some(versions)
}

/// As the `diesel` CLI writes it: `2026-11-22-190500`, UTC.
fn timestamp(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string().replace('T', "-").replace([':', 'Z'], "")
}

/// The instant that 14 digits mean, if they mean one.
fn instant(version: &str) -> Option<SystemTime> {
    let digits = |range| version.get(range).unwrap_or_default();
    let is_timestamp = version.len() == 14 && version.bytes().all(|byte| byte.is_ascii_digit());
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        digits(0..4),
        digits(4..6),
        digits(6..8),
        digits(8..10),
        digits(10..12),
        digits(12..14)
    );
    is_timestamp.then(|| humantime::parse_rfc3339(&text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_version_follows_every_other_in_their_style() {
        let now = humantime::parse_rfc3339("2026-11-22T19:05:59Z").unwrap();
        let after = |newest: &str, count| {
            let newest = Some(newest).filter(|newest| !newest.is_empty());
            after(newest, now, count).map(|versions| versions.join(" "))
        };
        let cases = [
            ("", 1, Some("2026-11-22-190559")),
            ("20240101120000", 2, Some("2026-11-22-190559 2026-11-22-190600")),
            ("20261122190559", 1, Some("2026-11-22-190600")),
            ("20991231235959", 2, Some("2100-01-01-000000 2100-01-01-000001")),
            ("20261122", 1, Some("2026-11-22-190559")),
            ("00000000000000", 1, Some("2026-11-22-190559")),
            ("0009", 2, Some("0010 0011")),
            ("1", 1, Some("2")),
            ("9", 1, None),
            ("98", 2, None),
            ("20261399000000", 1, None),
            ("30000101", 1, None),
            ("users", 1, None),
        ];
        for (newest, count, expected) in cases {
            assert_eq!(after(newest, count).as_deref(), expected, "{newest}");
        }
    }
}
