//! The chain: each receipt holds the digest of the one before.

use portcullis_model::digest::Digest;

use crate::{PREDICATE_TYPE, Receipt, STATEMENT_TYPE};

/// Why receipts are no chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("receipt {sequence}: {cause}")]
pub struct Broken {
    /// The number that the receipt should have.
    pub sequence: u64,
    /// What is wrong.
    pub cause: String,
}

/// Reads receipts, oldest first, as one unbroken chain from number 1 on.
///
/// Without signatures it shows accidents and careless edits, not a forger who rewrites
/// everything that follows.
///
/// # Errors
/// The first receipt that doesn't fit, and why.
pub fn verify<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Result<Vec<Receipt>, Broken> {
    let mut receipts = Vec::new();
    let mut previous = None;
    for (sequence, body) in (1..).zip(bodies) {
        let broken = |cause: String| Broken { sequence, cause };
        let receipt: Receipt = serde_json::from_str(body)
            .map_err(|error| broken(format!("it can't be read: {error}")))?;
        if receipt.statement_type != STATEMENT_TYPE || receipt.predicate_type != PREDICATE_TYPE {
            return Err(broken("it is a statement of another type".to_owned()));
        }
        let facts = &receipt.predicate.facts;
        if facts.sequence != sequence {
            return Err(broken(format!("it says that it is number {}", facts.sequence)));
        }
        if facts.previous != previous {
            return Err(broken(
                "the receipt before it isn't the one that it was written after".to_owned(),
            ));
        }
        previous = Some(Digest::of(body.as_bytes()));
        receipts.push(receipt);
    }
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Action, Arrival, Facts, Failed, Failure, LintFacts, SetFacts, TargetFacts, Tool, Who,
    };
    use portcullis_model::exit::Exit;
    use portcullis_model::smoke::{Check, Verdict, passed};

    fn facts(sequence: u64, previous: Option<Digest>) -> Facts {
        Facts {
            run: uuid::Uuid::from_u128(u128::from(sequence)),
            sequence,
            previous,
            action: Action::Migrate,
            started: String::new(),
            finished: String::new(),
            reason: None,
            who: Who { user: "u".into(), host: "h".into() },
            tool: Tool { name: "portcullis".into(), version: "0".into(), sha256: None },
            commit: None,
            target: TargetFacts {
                name: "dev".into(),
                engine: "sqlite".into(),
                engine_version: "3".into(),
                place: "/x".into(),
                identity: uuid::Uuid::nil(),
                protected: false,
                arrival: Arrival::Known,
                connection: None,
            },
            set: SetFacts {
                fingerprint: Digest::of(b""),
                migrations: 0,
                from: None,
                to: None,
                accepted_by_nobody: vec![],
            },
            migrations: vec![],
            lint: LintFacts::default(),
            drift: vec![],
            schema_before: Digest::of(b""),
            schema_after: Digest::of(b""),
            backup: None,
            restored_from: None,
            moved_aside: vec![],
            timings: vec![],
        }
    }

    fn three() -> Vec<String> {
        let mut bodies: Vec<String> = Vec::new();
        for sequence in 1..=3 {
            let previous = bodies.last().map(|body| Digest::of(body.as_bytes()));
            let smoke = passed(&[], vec![Check::run("alive", || Ok::<_, String>(Verdict::Passed))])
                .unwrap();
            bodies.push(
                Receipt::applied(facts(sequence, previous), vec![], smoke).to_bytes().unwrap(),
            );
        }
        bodies
    }

    fn verified(bodies: &[String]) -> Result<usize, u64> {
        verify(bodies.iter().map(String::as_str))
            .map(|receipts| receipts.len())
            .map_err(|broken| broken.sequence)
    }

    #[test]
    fn any_single_byte_changed_before_the_last_receipt_breaks_the_chain() {
        let good = three();
        assert_eq!(verified(&good), Ok(3));
        for index in 0..2 {
            for at in 0..good[index].len() {
                let mut bodies = good.clone();
                let mut bytes = bodies[index].clone().into_bytes();
                bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
                bodies[index] = String::from_utf8(bytes).unwrap();
                assert!(verified(&bodies).is_err(), "receipt {index}, byte {at}");
            }
        }
    }

    #[test]
    fn removed_swapped_and_repeated_receipts_show() {
        let good = three();
        assert_eq!(verified(&[good[0].clone(), good[2].clone()]), Err(2));
        assert_eq!(verified(&[good[1].clone(), good[0].clone()]), Err(1));
        assert_eq!(verified(&[good[0].clone(), good[0].clone()]), Err(2));
        assert_eq!(verified(&[]), Ok(0));
    }

    #[test]
    fn a_failed_run_never_says_done() {
        let failure = Failure { operation: "x".into(), place: "y".into(), cause: "z".into() };
        let failed = Failed { exit: Exit::Done, failure, state: String::new(), undo: None };
        let receipt = Receipt::failed(facts(1, None), vec![], vec![], failed);
        assert_ne!(receipt.predicate.outcome.code, 0);
    }
}
