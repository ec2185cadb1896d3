//! Bounds on texts from outside.
//!
//! Names are refused when they break a bound, because two cut names could become one and approve twice. Prose is
//! cut, because a long hook message or body must not stop a promotion.

/// Characters of a title.
pub(super) const TITLE: usize = 250;
/// Characters of a body, as the large forges allow.
pub(super) const BODY: usize = 65_536;
/// Characters of a reason, a comment or a message of a hook.
pub(super) const PROSE: usize = 4_000;
/// Characters of a status's description; GitHub's bound is 140, so templates keep well below this.
pub(super) const DESCRIPTION: usize = 500;
/// Characters of a person's name or a status's context.
const NAME: usize = 200;
/// Statuses that one call may set.
pub(super) const STATUSES: usize = 100;

/// A person's name without blanks around it, or what is wrong with it.
pub(super) fn person(name: &str) -> Result<&str, String> {
    let name = name.trim();
    if name.is_empty() {
        return Err("a person's name is empty; whoever asks must give one".to_owned());
    }
    short("a person's name", name)?;
    Ok(name)
}

/// A short word of one line: not empty, bounded, without control characters.
pub(super) fn short(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().nth(NAME).is_some() || text.chars().any(char::is_control) {
        return Err(format!("{what} must have 1 to {NAME} characters and no control characters"));
    }
    Ok(())
}

/// Prose of one line, cut; blanks instead of control characters.
pub(super) fn line(text: &str, most: usize) -> String {
    cut(text.trim(), most, |c| if c.is_control() { ' ' } else { c })
}

/// Prose of many lines, cut; only line ends and tabs stay of the control characters.
pub(super) fn prose(text: &str, most: usize) -> String {
    cut(text, most, |c| if c.is_control() && !matches!(c, '\n' | '\r' | '\t') { '\u{fffd}' } else { c })
}

fn cut(text: &str, most: usize, clean: impl Fn(char) -> char) -> String {
    let mut kept: String = text.chars().take(most).map(clean).collect();
    if text.chars().nth(most).is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_rather_than_cut() {
        for bad in ["", "  ", "a\nb", "a\0", &"x".repeat(201)] {
            assert!(person(bad).is_err(), "{bad:?}");
        }
        assert_eq!(person(" Ada Lovelace "), Ok("Ada Lovelace"));
        assert!(person(&"ä".repeat(200)).is_ok());
    }

    #[test]
    fn prose_is_cut_and_cleaned() {
        assert_eq!(line("a\nb\x1b[1m ", 100), "a b [1m");
        assert_eq!(prose("a\n\0b", 100), "a\n\u{fffd}b");
        let long = prose(&"ä".repeat(70_000), BODY);
        assert_eq!((long.chars().count(), long.ends_with('…')), (BODY, true));
    }
}
