//! Commit messages: a subject, one short body, and the trailers as the last paragraph.
//!
//! The trailers are the record that survives loss of the database (promise 1), so nothing else may look like
//! one: every text from outside is one line, stands within a line that begins with words of ours, and is
//! never in the last paragraph but as the value of its own trailer.

use gantry_core::{effects::Promotion, facts::Place, gates::Verdict};

use super::{Renderer, inert};

/// The most characters of a version in a subject line.
const VERSION: usize = 60;

/// A rejection, or its lifting, that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Ruled<'a> {
    /// Where.
    pub place: &'a Place,
    /// The version that it is about.
    pub version: &'a str,
    /// `true` rejects, `false` lifts.
    pub rejects: bool,
    /// Who said so.
    pub by: &'a str,
    /// Why; may be empty.
    pub reason: &'a str,
}

impl Renderer {
    /// The subject of a promotion's commit, which is also its proposal's title.
    pub(super) fn promotion_subject(&self, promotion: &Promotion) -> String {
        let values = values! {
            application => promotion.place.application.as_str(),
            environment => promotion.place.environment.as_str(),
            from => inert::cut(&promotion.from_version, VERSION),
            version => inert::cut(&promotion.release.version(), VERSION),
        };
        self.block("commits.txt", "promotion_subject", &values)
    }

    /// The message of a promotion's commit. `trailers` are its last paragraph, in their order; one with an
    /// empty value or a key that is none (`[A-Za-z0-9-]+`) is left out.
    #[must_use]
    pub fn promotion_commit(&self, promotion: &Promotion, trailers: &[(String, String)]) -> String {
        let values = values! {
            application => promotion.place.application.as_str(),
            environment => promotion.place.environment.as_str(),
            from => promotion.from_version,
            version => promotion.release.version(),
            by => promotion.by,
        };
        let mut body = vec![self.block("commits.txt", "promotion_what", &values)];
        if !promotion.gates.is_empty() {
            body.push(String::new());
        }
        for gate in &promotion.gates {
            let says = match gate.verdict {
                Verdict::Pass => "pass",
                Verdict::Wait => "wait",
                Verdict::Fail => "fail",
            };
            let why = self.clause(&gate.reason);
            let values = values! { gate => gate.gate, says, why };
            body.push(self.block("commits.txt", "promotion_gate", &values));
        }
        message(&self.promotion_subject(promotion), &body, trailers)
    }

    /// The message of a commit that records a rejection or its lifting. For `trailers` see
    /// [`Renderer::promotion_commit`].
    #[must_use]
    pub fn ruling_commit(&self, ruled: &Ruled<'_>, trailers: &[(String, String)]) -> String {
        let values = values! {
            application => ruled.place.application.as_str(),
            environment => ruled.place.environment.as_str(),
            version => inert::cut(ruled.version, VERSION),
            rejects => ruled.rejects,
            by => ruled.by,
            reason => ruled.reason,
        };
        let subject = self.block("commits.txt", "ruling_subject", &values);
        message(&subject, &[self.block("commits.txt", "ruling_what", &values)], trailers)
    }

    /// The message of the commit that writes the file of rejections for the first time, with what commits of
    /// earlier versions say.
    #[must_use]
    pub fn moved_commit(&self, count: usize) -> String {
        let values = values! { count };
        let subject = self.block("commits.txt", "moved_subject", &values);
        message(&subject, &[self.block("commits.txt", "moved_what", &values)], &[])
    }
}

fn message(subject: &str, body: &[String], trailers: &[(String, String)]) -> String {
    let mut out = inert::cut(subject, 250);
    out.push_str("\n\n");
    for line in body {
        // A line that begins with a word and a colon could be read as a trailer by a lenient reader.
        let key = line.split_once(':').is_some_and(|(key, _)| trailer_key(key));
        let comment = line.starts_with('#');
        out.push_str(if key || comment { "- " } else { "" });
        out.push_str(line);
        out.push('\n');
    }
    let mut first = true;
    for (key, value) in trailers {
        let value = inert::trailer(value);
        if value.is_empty() || !trailer_key(key) {
            continue;
        }
        out.push_str(if first { "\n" } else { "" });
        out.push_str(&format!("{key}: {value}\n"));
        first = false;
    }
    out
}

fn trailer_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
