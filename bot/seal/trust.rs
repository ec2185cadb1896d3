//! Whose seals are believed in one repository.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    key::{Key, KeyId, PublicKey, Seal},
    statement::{Binding, Statement, Unsealable},
};

/// The keys that one repository's seals are made and checked with.
pub struct Trust {
    repository: String,
    key: Option<Arc<Key>>,
    keys: BTreeMap<KeyId, PublicKey>,
}

impl Trust {
    /// Trusts `trusted` and, where one is given, the key that seals.
    #[must_use]
    pub fn new(repository: String, key: Option<Arc<Key>>, trusted: &[PublicKey]) -> Self {
        let own = key.iter().map(|key| key.public());
        let keys = trusted.iter().chain(own).map(|key| (key.id(), key.clone())).collect();
        Self { repository, key, keys }
    }

    /// The repository's identity.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which keys are trusted in which repository, in short: what was judged under other ones has to be judged
    /// again.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let ids: Vec<String> = self.keys.keys().map(KeyId::to_string).collect();
        format!("{} {}", self.repository, ids.join(" "))
    }

    /// Seals a record; `None` where there is no key to seal with.
    ///
    /// # Errors
    /// A part of it holds a control character.
    pub fn seal(
        &self,
        branch: &str,
        binding: Binding<'_>,
        trailers: &[(String, String)],
    ) -> Result<Option<Seal>, Unsealable> {
        let Some(key) = &self.key else { return Ok(None) };
        let statement = Statement { repository: &self.repository, branch, binding, trailers };
        Ok(Some(key.sign(&statement.text()?)))
    }

    /// Whether a trusted key made this seal of exactly this.
    #[must_use]
    pub fn verifies(
        &self,
        seal: &Seal,
        branch: &str,
        binding: Binding<'_>,
        trailers: &[(String, String)],
    ) -> bool {
        let Some(key) = self.keys.get(&seal.key) else { return false };
        let statement = Statement { repository: &self.repository, branch, binding, trailers };
        statement.text().is_ok_and(|text| key.verifies(&text, &seal.signature))
    }

    /// Whether the key that is said to have made a seal is trusted.
    #[must_use]
    pub fn knows(&self, key: &KeyId) -> bool {
        self.keys.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_for_its_repository_branch_and_commit_alone() {
        let key = Arc::new(Key::make().0);
        let here = Trust::new("git.example.com/a".to_owned(), Some(Arc::clone(&key)), &[]);
        let there = Trust::new("git.example.com/b".to_owned(), Some(Arc::clone(&key)), &[]);
        let record = [("Gantry-Release".to_owned(), "r1".to_owned())];
        let other = [("Gantry-Release".to_owned(), "r2".to_owned())];
        let commit = |parent, seconds| Binding::Commit { parent, tree: "t", seconds };
        let seal = here.seal("main", commit("p", 1), &record).unwrap().unwrap();
        assert!(here.verifies(&seal, "main", commit("p", 1), &record));
        assert!(!here.verifies(&seal, "dev", commit("p", 1), &record));
        assert!(!here.verifies(&seal, "main", commit("q", 1), &record));
        assert!(!here.verifies(&seal, "main", commit("p", 2), &record));
        assert!(!here.verifies(&seal, "main", commit("p", 1), &other));
        assert!(!there.verifies(&seal, "main", commit("p", 1), &record));
    }

    #[test]
    fn an_old_key_is_believed_as_long_as_it_is_trusted() {
        let (old, new) = (Arc::new(Key::make().0), Arc::new(Key::make().0));
        let binding = Binding::Commit { parent: "p", tree: "t", seconds: 1 };
        let before = Trust::new("r".to_owned(), Some(Arc::clone(&old)), &[]);
        let seal = before.seal("main", binding, &[]).unwrap().unwrap();
        let rotated = Trust::new("r".to_owned(), Some(Arc::clone(&new)), &[old.public().clone()]);
        assert!(rotated.verifies(&seal, "main", binding, &[]));
        assert_ne!(rotated.fingerprint(), before.fingerprint());
        let lost = Trust::new("r".to_owned(), Some(new), &[]);
        assert!(!lost.verifies(&seal, "main", binding, &[]));
        assert_eq!(Trust::new("r".to_owned(), None, &[]).seal("main", binding, &[]), Ok(None));
    }

    #[test]
    fn a_thousand_seals_cost_well_under_a_second() {
        let trust = Trust::new("r".to_owned(), Some(Arc::new(Key::make().0)), &[]);
        let record: Vec<(String, String)> =
            (0..12).map(|n| (format!("Gantry-{n}"), "x".repeat(60))).collect();
        // The fastest of ten hundreds, so that a busy machine does not tell.
        let hundred = |from: i64| {
            let begun = std::time::Instant::now();
            for seconds in from..from + 100 {
                let binding = Binding::Commit { parent: "p", tree: "t", seconds };
                assert!(trust.seal("main", binding, &record).unwrap().is_some());
            }
            begun.elapsed()
        };
        let fastest = (0..10).map(|n| hundred(n * 100)).min().unwrap();
        println!("1,000 seals: {:?}", fastest * 10);
        assert!((fastest * 10).as_millis() < 1000, "{fastest:?}");
    }
}
