//! What may be stored: checked before a driver sees it.
//!
//! PostgreSQL refuses NUL in text, SQLite takes it and some readers stop there; so it is refused here, the
//! same on both. A payload too deep to be read back would block the inbox for ever, so depth is bounded too.

use jiff::Timestamp;
use serde_json::Value;

use super::StoreError;

/// The longest name, key or actor, in bytes.
const NAME_MAX: usize = 255;
/// The longest revision or URL, in bytes; the door refuses shorter ones already.
const LINE_MAX: usize = 4_000;
/// The largest JSON value, in bytes of its text.
const JSON_MAX: usize = 1 << 20;
/// The deepest JSON value. `serde_json` reads at most 127 levels; the rest is room for envelopes.
const DEPTH_MAX: usize = 100;
/// The longest sentence of the audit log, in characters.
const TEXT_MAX: usize = 4_000;

fn refused(field: &'static str, reason: impl Into<String>) -> StoreError {
    StoreError::Refused { field, reason: reason.into() }
}

/// A name, key or actor: 1 to 255 bytes without NUL.
pub(super) fn name(field: &'static str, text: &str) -> Result<(), StoreError> {
    if text.is_empty() {
        return Err(refused(field, "it is empty"));
    }
    bounded(field, text, NAME_MAX)
}

/// A revision or a URL, where there is one.
pub(super) fn line(field: &'static str, text: Option<&str>) -> Result<(), StoreError> {
    text.map_or(Ok(()), |text| bounded(field, text, LINE_MAX))
}

fn bounded(field: &'static str, text: &str, max: usize) -> Result<(), StoreError> {
    if text.len() > max {
        return Err(refused(field, format!("it has {} bytes, at most {max} are allowed", text.len())));
    }
    if text.contains('\0') {
        return Err(refused(field, "it contains a NUL character"));
    }
    Ok(())
}

/// A JSON value as text. NUL within its strings is escaped by JSON itself.
pub(super) fn json(field: &'static str, value: &Value) -> Result<String, StoreError> {
    if !shallow(value, DEPTH_MAX) {
        return Err(refused(field, format!("it is nested more than {DEPTH_MAX} levels deep")));
    }
    let text = value.to_string();
    if text.len() > JSON_MAX {
        return Err(refused(field, format!("it has {} bytes, at most {JSON_MAX} are allowed", text.len())));
    }
    Ok(text)
}

/// Whether a value nests at most `left` levels; looks no deeper than that.
fn shallow(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| shallow(item, left - 1)),
        Value::Object(items) => left > 0 && items.values().all(|item| shallow(item, left - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// A sentence, cut and without NUL: a log line must not fail for its length.
pub(super) fn sentence(text: &str) -> String {
    let mut kept: String =
        text.chars().take(TEXT_MAX).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(TEXT_MAX).is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// A time read back from the database.
pub(super) fn time(ms: i64) -> Result<Timestamp, jiff::Error> {
    Timestamp::from_millisecond(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_at_their_edges() {
        assert!(name("key", &"x".repeat(255)).is_ok());
        for bad in ["", "a\0b", &"x".repeat(256)] {
            assert!(name("key", bad).is_err(), "{bad:?}");
        }
        assert!(json("payload", &Value::String("x".repeat(JSON_MAX - 2))).is_ok());
        assert!(json("payload", &Value::String("x".repeat(JSON_MAX - 1))).is_err());
        let nested = |levels| (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        assert!(json("payload", &nested(100)).is_ok());
        assert!(json("payload", &nested(101)).is_err());
    }

    #[test]
    fn a_long_sentence_is_cut_and_says_so() {
        let cut = sentence(&"ä\0".repeat(500_000));
        assert_eq!(cut.chars().count(), 4_000);
        assert!(cut.ends_with('…') && !cut.contains('\0'));
        assert_eq!(sentence("short"), "short");
    }
}
