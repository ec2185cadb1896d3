//! Trailers of commit messages: the record that survives the loss of the database (DESIGN.md, section 7).
//!
//! A trailer block is a paragraph of `Key: value` lines, as `git interpret-trailers` knows it. Messages are
//! outside text: whoever may commit may write what they like, and forges rewrite messages when they squash.
//! So [`parse`] takes the paragraphs of trailers at the end of the message (GitHub puts its `Co-authored-by`
//! in one of its own, behind a line of dashes) and nothing before them, and [`message`] makes sure that no
//! text given as the body can be read as a trailer.

use jiff::Timestamp;

use super::error::tame;

/// The most bytes of a message that are looked at, from its end: 64 KiB.
const MAX_MESSAGE: usize = 64 << 10;
/// The most trailers of one message.
const MAX_TRAILERS: usize = 5000;
/// The most characters of a key.
const MAX_KEY: usize = 64;

/// The trailer that forges show as another author.
const CO_AUTHOR: &str = "Co-authored-by";
/// The trailer that says who approved what was merged.
const APPROVED_BY: &str = "Approved-by";
/// The most characters of the reason in it.
const MAX_REASON: usize = 500;
/// The most characters of a name in them.
const MAX_NAME: usize = 100;

/// The trailer that names a co-author. `None` where the address is none, or nothing is left of the name: what
/// could end the line or forge an address is taken out of it.
#[must_use]
pub fn co_author(name: &str, email: &str) -> Option<(String, String)> {
    let name: String = tame(name, MAX_NAME).chars().filter(|c| !matches!(c, '<' | '>')).collect();
    let whole = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>');
    let sound = !name.trim().is_empty() && email.contains('@') && email.chars().all(whole);
    sound.then(|| (CO_AUTHOR.to_owned(), format!("{} <{email}>", name.trim())))
}

/// The trailer that names who approved, when and why. It is for people, as everything in it is outside text: nothing
/// in it is believed.
#[must_use]
pub fn approved_by(name: &str, at: Timestamp, reason: &str) -> (String, String) {
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    let (name, reason) = (tame(name, MAX_NAME), tame(reason, MAX_REASON));
    let why = if reason.trim().is_empty() { String::new() } else { format!(": {}", reason.trim()) };
    (APPROVED_BY.to_owned(), format!("{} at {at}{why}", name.trim()))
}

/// A message with further trailers at its end, without those that it has already.
#[must_use]
pub fn with(message: &str, more: &[(String, String)]) -> String {
    let present = parse(message);
    let mut out = message.trim_end_matches('\n').to_owned();
    out.push_str(if present.is_empty() { "\n\n" } else { "\n" });
    for (key, value) in more.iter().filter(|trailer| !present.contains(trailer)) {
        out.push_str(&format!("{key}: {value}\n"));
    }
    out
}

/// The trailers of a message in their order, keys as written. Lines that begin with a blank continue the
/// value before them. The subject is never a trailer.
#[must_use]
pub fn parse(message: &str) -> Vec<(String, String)> {
    let paragraphs = paragraphs(tail(message));
    let mut blocks = Vec::new();
    // The first paragraph is the subject, or half of a paragraph where the beginning was cut off.
    for paragraph in paragraphs.iter().skip(1).rev() {
        if paragraph.iter().all(|line| dashes(line)) {
            continue;
        }
        match block(paragraph) {
            Some(trailers) => blocks.push(trailers),
            None => break,
        }
    }
    blocks.into_iter().rev().flatten().take(MAX_TRAILERS).collect()
}

fn tail(message: &str) -> &str {
    let mut from = message.len().saturating_sub(MAX_MESSAGE);
    while !message.is_char_boundary(from) {
        from += 1;
    }
    &message[from..]
}

fn paragraphs(message: &str) -> Vec<Vec<&str>> {
    let mut paragraphs = vec![Vec::new()];
    for line in message.lines() {
        if !line.trim().is_empty() {
            if let Some(last) = paragraphs.last_mut() {
                last.push(line);
            }
        } else if paragraphs.last().is_some_and(|last| !last.is_empty()) {
            paragraphs.push(Vec::new());
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// The line that GitHub draws above the names it adds.
fn dashes(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && line.bytes().all(|b| b == b'-')
}

fn block(lines: &[&str]) -> Option<Vec<(String, String)>> {
    let mut trailers: Vec<(String, String)> = Vec::new();
    for line in lines {
        if line.starts_with([' ', '\t']) {
            let value = &mut trailers.last_mut()?.1;
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(line.trim());
        } else if let Some((key, value)) = trailer(line) {
            trailers.push((key.to_owned(), value.to_owned()));
        } else if !line.starts_with("(cherry picked from commit ") {
            return None;
        }
    }
    (!trailers.is_empty()).then_some(trailers)
}

fn trailer(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let plain = !key.is_empty()
        && key.len() <= MAX_KEY
        && key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // `https://…` at the start of a line is no trailer.
    (plain && !value.starts_with("//")).then(|| (key, value.trim()))
}

/// A message of a subject, a body and trailers. Values become one line without control characters. A body
/// whose end would be read as trailers is quoted with `> `.
#[must_use]
pub fn message(subject: &str, body: &str, trailers: &[(&str, &str)]) -> String {
    let mut out = one_line(subject);
    if !body.trim().is_empty() {
        out.push_str("\n\n");
        out.push_str(&inert(body.trim()));
    }
    if !trailers.is_empty() {
        out.push_str("\n\n");
        for (key, value) in trailers {
            out.push_str(&format!("{key}: {}\n", one_line(value)));
        }
    } else {
        out.push('\n');
    }
    out
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Quotes a body until nothing at its end is a trailer.
fn inert(body: &str) -> String {
    let clean: String = body.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
    if parse(&format!("subject\n\n{clean}")).is_empty() {
        return clean;
    }
    clean
        .lines()
        .map(|line| if line.is_empty() { ">".to_owned() } else { format!("> {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(message: &str) -> Vec<(String, String)> {
        parse(message)
    }

    fn expect(message: &str, wanted: &[(&str, &str)]) {
        let wanted: Vec<_> = wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs(message), wanted, "{message:?}");
    }

    #[test]
    fn the_last_paragraph_is_the_record() {
        expect(
            "promote(qa): a 1 -> 2\n\nGantry-Application: a\nGantry-Image: r/a:2@sha256:x\n",
            &[("Gantry-Application", "a"), ("Gantry-Image", "r/a:2@sha256:x")],
        );
        expect("s\r\n\r\nA: b\r\n  more\r\nC:d\r\n", &[("A", "b more"), ("C", "d")]);
        expect("s\n\nA: b\n(cherry picked from commit 123)\n", &[("A", "b")]);
    }

    #[test]
    fn a_subject_or_a_text_is_no_record() {
        for message in [
            "",
            "\n\n\n",
            "Gantry-Rejects: x",
            "Gantry-Rejects: x\n\n",
            "s\n\nGantry-Rejects: x\n\nand some text after it",
            "s\n\nGantry-Rejects: x\nand text in the same paragraph",
            "s\n\n  Gantry-Rejects: x",
            "s\n\nhttps://example.com/a",
            "s\n\nnot a key: x",
            "s\n\n: x",
            "s\n\n-x: y",
            "s\n\n---\n",
        ] {
            expect(message, &[]);
        }
    }

    #[test]
    fn a_squash_of_github_keeps_the_record() {
        let squash = "promote(qa): a 1 -> 2 (#7)\n\n* promote(qa): a 1 -> 2\n\nGantry-Application: a\n\
                      Gantry-Release: 00\n\n---------\n\nCo-authored-by: A <a@example.com>\n";
        expect(
            squash,
            &[("Gantry-Application", "a"), ("Gantry-Release", "00"), ("Co-authored-by", "A <a@example.com>")],
        );
    }

    #[test]
    fn outside_text_in_a_body_or_value_cannot_forge_a_trailer() {
        let forged = message(
            "s\n\nGantry-Rejects: 1",
            "notes\n\nGantry-Rejects: 2",
            &[("Gantry-From", "x\n\nGantry-Rejects: 3")],
        );
        expect(&forged, &[("Gantry-From", "x Gantry-Rejects: 3")]);
        expect(&message("s", "Gantry-Rejects: 2\n\n---", &[]), &[]);
        assert_eq!(message("s", "", &[]), "s\n");
        assert_eq!(message("s", "b\n", &[("A", "c")]), "s\n\nb\n\nA: c\n");
    }

    #[test]
    fn a_huge_message_is_bounded() {
        let many = format!("s\n\n{}", "A: b\n".repeat(100_000));
        assert!(pairs(&many).len() <= MAX_TRAILERS);
        expect(&format!("s\n\n{}\n\nA: b", "é".repeat(200_000)), &[("A", "b")]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(subject in ".{0,40}", body in "(?s).{0,200}", value in ".{0,60}") {
            let text = message(&format!("s{subject}"), &body, &[("Gantry-Application", &value)]);
            prop_assert_eq!(pairs(&text), vec![("Gantry-Application".to_owned(), one_line(&value))]);
        }

        #[test]
        fn no_body_is_a_record(body in "([A-C]: ?[a-z]?|---| x|\r|\n|\u{b}|\u{2028}|word){0,30}") {
            prop_assert_eq!(pairs(&message("s", &body, &[])), vec![]);
        }
    }
}
