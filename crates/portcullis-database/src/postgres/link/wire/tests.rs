//! The listener hears the same however the bytes are split.

use proptest::prelude::*;

use super::*;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind][..], &length, body].concat()
}

fn error(severity: &str, code: &str, text: &str, detail: &str) -> Vec<u8> {
    let fields = format!("SFEHLER\0V{severity}\0C{code}\0M{text}\0D{detail}\0R\0\0");
    message(b'E', fields.as_bytes())
}

fn cells(row: &[Option<&str>]) -> Vec<u8> {
    let mut body = u16::try_from(row.len()).unwrap().to_be_bytes().to_vec();
    for cell in row {
        let length = cell.map_or(-1, |cell| i32::try_from(cell.len()).unwrap());
        body.extend(length.to_be_bytes());
        body.extend(cell.unwrap_or_default().as_bytes());
    }
    message(b'D', &body)
}

fn listen(pieces: &[&[u8]], listen: Listen) -> Heard {
    let rows = (listen == Listen::Rows).then(Vec::new);
    let mut heard = Heard { rows, ..Heard::default() };
    let mut frames = Frames::default();
    for piece in pieces {
        frames.feed(piece, &mut heard);
    }
    heard
}

/// A login, a query with two results, and an error.
fn conversation() -> Vec<u8> {
    [
        message(b'R', &[0, 0, 0, 0]),
        message(b'K', &[0, 0, 0x12, 0x34, 9, 9, 9, 9]),
        message(b'Z', b"I"),
        message(b'T', b"not looked at"),
        cells(&[Some("first result")]),
        message(b'C', b"SELECT 1\0"),
        message(b'T', b""),
        cells(&[Some("a"), None, Some("")]),
        cells(&[Some("ü\u{1f980}"), Some("2"), Some("3")]),
        message(b'N', &[b'x'; 300]),
        message(b'C', b""),
        error("ERROR", "23505", "duplicate key", "Key (id)=(hunter2) already exists."),
        message(b'Z', b"E"),
    ]
    .concat()
}

fn check(heard: &Heard) {
    let said = heard.error.as_ref().unwrap();
    assert_eq!((said.code.as_str(), said.message.as_str()), ("23505", "duplicate key"));
    assert!(!said.fatal);
    assert_eq!((heard.backend, heard.status), (Some(0x1234), Status::Failed));
    assert!(!heard.unsettled && !heard.ended);
    assert!(!format!("{heard:?}").contains("hunter2"), "no DETAIL is kept");
    let text = |text: &str| Some(text.to_owned());
    let rows = [vec![text("a"), None, text("")], vec![text("ü\u{1f980}"), text("2"), text("3")]];
    assert_eq!(heard.rows.as_deref(), Some(&rows[..]));
}

#[test]
fn each_single_split_hears_the_same() {
    let bytes = conversation();
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        check(&listen(&[first, second], Listen::Rows));
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    check(&listen(&single, Listen::Rows));
}

#[test]
fn rows_are_kept_only_where_they_are_asked_for() {
    assert_eq!(listen(&[&conversation()], Listen::Errors).rows, None);
}

#[test]
fn after_an_error_the_server_is_waited_for() {
    let failed = error("ERROR", "42601", "syntax error", "");
    let heard = listen(&[&failed], Listen::Errors);
    assert!(heard.unsettled);
    let heard = listen(&[&failed, &message(b'Z', b"T")], Listen::Errors);
    assert_eq!((heard.unsettled, heard.status), (false, Status::InTransaction));
    let fatal = error("FATAL", "57P01", "terminating connection", "");
    let heard = listen(&[&fatal], Listen::Errors);
    assert!(!heard.unsettled && heard.error.unwrap().fatal);
}

#[test]
fn a_length_that_makes_no_sense_ends_the_listening() {
    for length in [-1_i32, 0, 3, i32::MIN] {
        let bytes = [&[b'D'][..], &length.to_be_bytes(), &conversation()].concat();
        let heard = listen(&[&bytes], Listen::Rows);
        assert!(heard.ended, "{length}");
        assert_eq!(heard.error, None);
    }
    // A length that is never reached keeps nothing that isn't wanted.
    let bytes = [&[b'E'][..], &i32::MAX.to_be_bytes(), &[b'M'; 9000]].concat();
    assert_eq!(listen(&[&bytes], Listen::Rows).error, None);
}

proptest! {
    #[test]
    fn any_splits_hear_the_same(cuts in proptest::collection::vec(0usize..700, 0..40)) {
        let bytes = conversation();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        check(&listen(&pieces, Listen::Rows));
    }

    #[test]
    fn nothing_that_a_server_sends_is_too_much(bytes: Vec<u8>, at in 0usize..50) {
        let at = at.min(bytes.len());
        listen(&[&bytes[..at], &bytes[at..]], Listen::Rows);
    }

    #[test]
    fn no_row_is_too_odd(body: Vec<u8>) {
        let bytes = [message(b'D', &body), message(b'E', &body)].concat();
        listen(&[&bytes], Listen::Rows);
    }
}
