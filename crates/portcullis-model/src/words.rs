//! Numbers, sizes and times as people read them.

use std::time::Duration;

use bytesize::ByteSize;

/// `1 migration`, `2 migrations`.
///
/// ```
/// assert_eq!(portcullis_model::words::count(2, "migration"), "2 migrations");
/// ```
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// `512 B`, `28.0 KiB`.
pub fn bytes(bytes: u64) -> String {
    ByteSize::b(bytes).to_string()
}

/// `12 ms`, `1.2 s`, `3 min 5 s`.
pub fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        milliseconds @ 0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_unit_that_fits() {
        assert_eq!(count(1, "migration"), "1 migration");
        assert_eq!(bytes(28 << 10), "28.0 KiB");
        for (milliseconds, text) in
            [(0, "0 ms"), (999, "999 ms"), (1_240, "1.2 s"), (185_000, "3 min 5 s")]
        {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
    }
}
