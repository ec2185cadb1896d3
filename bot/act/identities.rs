//! Whose commits they are: author, committer and co-authors.

use std::{collections::BTreeMap, sync::Arc};

use gantry_core::facts::Person;

use crate::git::trailers;

/// Whose commits they are.
pub(super) struct Identities {
    /// Who writes promotions.
    pub(super) author: Person,
    /// Who makes all commits; the address tells Gantry's commits from people's.
    pub(super) committer: Person,
    /// The e-mail addresses of people, by the names under which they ask.
    pub(super) people: Arc<BTreeMap<String, String>>,
}

impl Identities {
    /// Somebody who asked, as the author of a commit. Without an address of their own, the committer's stands
    /// in, because a commit needs one.
    pub(super) fn person(&self, by: &str) -> Person {
        let email = self.people.get(by).unwrap_or(&self.committer.email);
        Person { name: by.to_owned(), email: email.clone() }
    }

    /// The trailer for somebody who asked; none without an address, or where they are the author already.
    pub(super) fn co_author(&self, by: &str) -> Option<(String, String)> {
        let email = self.people.get(by).filter(|email| **email != self.author.email)?;
        trailers::co_author(by, email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(people: &[(&str, &str)]) -> Identities {
        let bot = Person { name: "Gantry".to_owned(), email: "gantry@example.com".to_owned() };
        let people = people.iter().map(|(name, email)| ((*name).to_owned(), (*email).to_owned())).collect();
        Identities { author: bot.clone(), committer: bot, people: Arc::new(people) }
    }

    #[test]
    fn a_known_address_makes_a_co_author_and_hostile_names_forge_nothing() {
        let evil = "Eve\nGantry-Rejects: x <a@b>";
        let identities = identities(&[
            ("rita", "rita@example.com"),
            (evil, "eve@example.com"),
            ("bent", "bent>\nGantry-By: x@y"),
            ("self", "gantry@example.com"),
            ("<>\n", "x@y"),
        ]);
        let line = |by: &str| identities.co_author(by).map(|(key, value)| format!("{key}: {value}"));
        assert_eq!(line("rita").unwrap(), "Co-authored-by: rita <rita@example.com>");
        assert_eq!(line(evil).unwrap(), "Co-authored-by: Eve Gantry-Rejects: x a@b <eve@example.com>");
        for none in ["nobody", "bent", "self", "<>\n"] {
            assert_eq!(line(none), None, "{none}");
        }
        assert_eq!(identities.person("rita").email, "rita@example.com");
        assert_eq!(identities.person("nobody").email, "gantry@example.com");
    }
}
