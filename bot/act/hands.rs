//! Whose commits they are: author, committer and co-authors.

use std::{collections::BTreeMap, sync::Arc};

use gantry_core::facts::Person;

/// The trailer that forges show as a second author.
const CO_AUTHOR: &str = "Co-authored-by";
/// The most characters of a name in it.
const NAME: usize = 100;

/// Whose commits they are.
pub(super) struct Hands {
    /// Who writes promotions.
    pub(super) author: Person,
    /// Who makes all commits; the address tells Gantry's commits from people's.
    pub(super) committer: Person,
    /// The e-mail addresses of people, by the names under which they ask.
    pub(super) people: Arc<BTreeMap<String, String>>,
}

impl Hands {
    /// Somebody who asked, as the author of a commit. Without an address of their own, the committer's stands
    /// in, because a commit needs one.
    pub(super) fn person(&self, by: &str) -> Person {
        let email = self.people.get(by).unwrap_or(&self.committer.email);
        Person { name: by.to_owned(), email: email.clone() }
    }

    /// The trailer for somebody who asked; none without an address, or where they are the author already.
    pub(super) fn co_author(&self, by: &str) -> Option<(String, String)> {
        let email = self.people.get(by).filter(|email| **email != self.author.email)?;
        let name: String =
            by.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).take(NAME).collect();
        let whole = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>');
        let sound = !name.trim().is_empty() && email.contains('@') && email.chars().all(whole);
        sound.then(|| (CO_AUTHOR.to_owned(), format!("{} <{email}>", name.trim())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hands(people: &[(&str, &str)]) -> Hands {
        let bot = Person { name: "Gantry".to_owned(), email: "gantry@example.com".to_owned() };
        let people = people.iter().map(|(name, email)| ((*name).to_owned(), (*email).to_owned())).collect();
        Hands { author: bot.clone(), committer: bot, people: Arc::new(people) }
    }

    #[test]
    fn a_known_address_makes_a_co_author_and_hostile_names_forge_nothing() {
        let evil = "Eve\nGantry-Rejects: x <a@b>";
        let hands = hands(&[
            ("rita", "rita@example.com"),
            (evil, "eve@example.com"),
            ("bent", "bent>\nGantry-By: x@y"),
            ("self", "gantry@example.com"),
            ("<>\n", "x@y"),
        ]);
        let line = |by: &str| hands.co_author(by).map(|(key, value)| format!("{key}: {value}"));
        assert_eq!(line("rita").unwrap(), "Co-authored-by: rita <rita@example.com>");
        assert_eq!(line(evil).unwrap(), "Co-authored-by: EveGantry-Rejects: x a@b <eve@example.com>");
        for none in ["nobody", "bent", "self", "<>\n"] {
            assert_eq!(line(none), None, "{none}");
        }
        assert_eq!(hands.person("rita").email, "rita@example.com");
        assert_eq!(hands.person("nobody").email, "gantry@example.com");
    }
}
