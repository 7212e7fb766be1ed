//! The contents of a dump, and what of them a trial restore leaves out: what only a
//! superuser may make and nothing else depends on, and what is there already.

use super::scratch::Kind;

/// What a trial restore does without, by the numbers that things have in the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Without<'a> {
    /// Schemas that were made beforehand.
    pub(crate) schemas: &'a [String],
    /// Policies of roles that aren't there.
    pub(crate) policies: &'a [String],
    pub(crate) grants: Grants,
    pub(crate) kind: Kind,
}

/// Whether the dump's grants are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grants {
    Made,
    LeftOut,
}

/// What is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The list, for `pg_restore`.
    pub(crate) list: String,
    /// What is left out, for people: `1 event trigger`.
    pub(crate) left_out: Vec<String>,
}

/// What is left out and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    EventTrigger,
    Publication,
    Subscription,
    Policy,
    Grant,
}

const TOLD: [(Left, &str, &str); 5] = [
    (Left::EventTrigger, "event trigger", "event triggers"),
    (Left::Publication, "publication", "publications"),
    (Left::Subscription, "subscription", "subscriptions"),
    (Left::Policy, "policy for roles that aren't there", "policies for roles that aren't there"),
    (Left::Grant, "grant on what is the server's own", "grants on what is the server's own"),
];

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Restored,
    Left(Left),
    /// Left out, and not worth a word: it belongs to something that is.
    Unsaid,
}

/// Chooses from what `pg_restore --list` has written.
pub(crate) fn choose(listing: &str, without: Without<'_>) -> Chosen {
    let fates: Vec<(&str, Fate)> =
        listing.lines().map(|line| (line, fate(line, without))).collect();
    let kept = fates.iter().filter(|(_, fate)| *fate == Fate::Restored);
    let list = kept.flat_map(|(line, _)| [line, "\n"]).collect();
    let told = |(left, one, many): (Left, &str, &str)| {
        let number = fates.iter().filter(|(_, fate)| *fate == Fate::Left(left)).count();
        (number > 0).then(|| format!("{number} {}", if number == 1 { one } else { many }))
    };
    Chosen { list, left_out: TOLD.into_iter().filter_map(told).collect() }
}

/// Of a line `ENTRY; CATALOG NUMBER what it is`: the catalog is one of the server's, by its
/// number, and names can't lie about it.
fn fate(line: &str, without: Without<'_>) -> Fate {
    let Some((_, rest)) = line.split_once("; ").filter(|_| !line.starts_with(';')) else {
        return Fate::Restored;
    };
    let mut parts = rest.splitn(3, ' ');
    let (catalog, number) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let what = parts.next().unwrap_or("");
    let is = |words: &[&str]| words.iter().any(|words| what.starts_with(words));
    let among = |numbers: &[String]| numbers.iter().any(|one| one == number);
    match catalog {
        // pg_event_trigger, pg_publication, pg_subscription
        "3466" => Fate::Left(Left::EventTrigger),
        "6104" => Fate::Left(Left::Publication),
        "6100" => Fate::Left(Left::Subscription),
        // pg_publication_rel, pg_publication_namespace, pg_subscription_rel
        "6106" | "6237" | "6102" => Fate::Unsaid,
        // pg_policy, pg_namespace
        "3256" if among(without.policies) => Fate::Left(Left::Policy),
        "2615" if among(without.schemas) => Fate::Unsaid,
        // Comments and grants have no number.
        "0" if is(&OF_LEFT_OUT) => Fate::Unsaid,
        "0" if is(&OF_THE_SERVER) => match without.grants {
            Grants::Made => Fate::Left(Left::Grant),
            Grants::LeftOut => Fate::Unsaid,
        },
        "0" if is(&["COMMENT - SCHEMA public "]) && without.kind == Kind::Named => Fate::Unsaid,
        "0" if is(&["COMMENT "]) && what.contains(" POLICY ") && !without.policies.is_empty() => {
            Fate::Unsaid
        }
        _ => Fate::Restored,
    }
}

const OF_LEFT_OUT: [&str; 4] = [
    "COMMENT - EVENT TRIGGER ",
    "COMMENT - PUBLICATION ",
    "COMMENT - SUBSCRIPTION ",
    // Every database has it, and a superuser owns it.
    "COMMENT - EXTENSION plpgsql ",
];

const OF_THE_SERVER: [&str; 4] = [
    "ACL pg_catalog ",
    "ACL information_schema ",
    "ACL - SCHEMA pg_catalog ",
    "ACL - SCHEMA information_schema ",
];

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "; Archive created\n;\n\
        7; 2615 16400 SCHEMA - ext own er\n8; 2615 16401 SCHEMA - app owner\n\
        9; 1259 16401 TABLE public 3466 6104 owner\n10; 3466 16500 EVENT TRIGGER - e owner\n\
        11; 0 0 COMMENT - EVENT TRIGGER e owner\n12; 3256 16600 POLICY public t few owner\n\
        13; 3256 16601 POLICY public t all owner\n14; 0 0 COMMENT public POLICY few ON t owner\n\
        15; 0 0 ACL pg_catalog FUNCTION f() postgres\n16; 0 0 ACL public TABLE t owner\n\
        17; 6104 1 PUBLICATION - p owner\n18; 6104 2 PUBLICATION - q owner\n\
        19; 6106 3 PUBLICATION TABLE public p t owner\n";

    #[test]
    fn what_is_left_out_is_known_by_its_numbers_and_told() {
        let (schemas, policies) = (["16400".to_owned()], ["16600".to_owned()]);
        let entries = |chosen: &Chosen| -> Vec<String> {
            let lines = chosen.list.lines().filter(|line| !line.starts_with(';'));
            let lines = lines.filter_map(|line| line.split_once("; "));
            lines.map(|(entry, _)| entry.to_owned()).collect()
        };
        let alone = Without {
            schemas: &schemas,
            policies: &[],
            grants: Grants::Made,
            kind: Kind::Throwaway,
        };
        let chosen = choose(LISTING, alone);
        assert_eq!(entries(&chosen), ["8", "9", "12", "13", "14", "16"]);
        let grant = "1 grant on what is the server's own";
        assert_eq!(chosen.left_out, ["1 event trigger", "2 publications", grant]);
        let named = Without {
            schemas: &[],
            policies: &policies,
            grants: Grants::LeftOut,
            kind: Kind::Named,
        };
        let chosen = choose(LISTING, named);
        assert_eq!(entries(&chosen), ["7", "8", "9", "13", "16"]);
        assert_eq!(chosen.left_out[2], "1 policy for roles that aren't there");
    }
}
