//! What a seal is a signature of.

use std::fmt::Write as _;

/// The first line of every signed text: what it is, and in which form.
const DOMAIN: &str = "gantry-seal v1";

/// A record with everything that ties it to one commit.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// The repository's identity: the same for all its URLs.
    pub repository: &'a str,
    /// The branch that the commit is on, or that its proposal goes to.
    pub branch: &'a str,
    /// What ties it to the commit.
    pub binding: Binding<'a>,
    /// The trailers of Gantry's, without the seal, in their order.
    pub trailers: &'a [(String, String)],
}

/// What ties a record to one commit.
#[derive(Debug, Clone, Copy)]
pub enum Binding<'a> {
    /// A commit that Gantry pushes to the branch itself.
    Commit {
        /// The commit that it is made on.
        parent: &'a str,
        /// Its files.
        tree: &'a str,
        /// Its committer time in seconds.
        seconds: i64,
    },
    /// A proposal's commit, which a forge may squash or rebase: what it does to the files.
    Proposal {
        /// The commit that it was made on, so that nothing older can carry the seal.
        base: &'a str,
        /// Every file that it changes, sorted by path.
        files: &'a [BoundFile],
    },
}

/// A file that a proposal changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoundFile {
    /// Its path.
    pub path: String,
    /// The Git id of its bytes before; none where there was no file.
    pub before: Option<String>,
    /// The Git id of its bytes after; none where there is no file.
    pub after: Option<String>,
}

/// The text can't be signed: a part of it holds a control character, which could make two texts one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} holds a control character; it can't be sealed")]
pub struct Unsealable(pub &'static str);

impl Statement<'_> {
    /// The text that is signed.
    pub(super) fn text(&self) -> Result<String, Unsealable> {
        let mut text = format!("{DOMAIN}\n");
        let mut line = |what: &'static str, key: &str, value: &str| {
            if key.chars().chain(value.chars()).any(char::is_control) {
                return Err(Unsealable(what));
            }
            // Writing to a string does not fail.
            let _ = writeln!(text, "{key}: {value}");
            Ok(())
        };
        line("the repository's identity", "repository", self.repository)?;
        line("the branch's name", "branch", self.branch)?;
        match self.binding {
            Binding::Commit { parent, tree, seconds } => {
                line("a commit's id", "commit", &format!("{parent} {tree} {seconds}"))?;
            }
            Binding::Proposal { base, files } => {
                line("a commit's id", "proposal", &format!("{base} {}", files.len()))?;
                for file in files {
                    let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
                    let ids = format!("{} {} {}", id(&file.before), id(&file.after), file.path);
                    line("a file's path", "file", &ids)?;
                }
            }
        }
        line("the record", "trailers", &self.trailers.len().to_string())?;
        for (key, value) in self.trailers {
            line("the record", key, value)?;
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(trailers: &[(&str, &str)], files: &[BoundFile]) -> Result<String, Unsealable> {
        let trailers: Vec<(String, String)> =
            trailers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let binding = Binding::Proposal { base: "b0", files };
        Statement { repository: "git.example.com/infra", branch: "main", binding, trailers: &trailers }.text()
    }

    #[test]
    fn every_part_changes_the_text() {
        let file =
            |path: &str| BoundFile { path: path.to_owned(), before: None, after: Some("a".to_owned()) };
        let texts = [
            text(&[("Gantry-By", "rita")], &[]).unwrap(),
            text(&[("Gantry-By", "rita"), ("Gantry-By", "rita")], &[]).unwrap(),
            text(&[("Gantry-By", "rita")], &[file("x")]).unwrap(),
            text(&[("Gantry-By", "rita")], &[file("y")]).unwrap(),
            text(&[], &[file("x"), file("y")]).unwrap(),
        ];
        for (index, one) in texts.iter().enumerate() {
            assert!(texts[..index].iter().all(|other| other != one), "{one}");
        }
        assert!(
            texts[2].contains("\nproposal: b0 1\nfile: - a x\ntrailers: 1\nGantry-By: rita\n"),
            "{}",
            texts[2]
        );
    }

    #[test]
    fn what_could_be_two_lines_is_not_signed() {
        assert!(text(&[("Gantry-By", "rita\nGantry-Checks: ci")], &[]).is_err());
        assert!(text(&[("Gantry-By\n", "rita")], &[]).is_err());
        let odd = BoundFile { path: "a\nfile: b".to_owned(), before: None, after: None };
        assert_eq!(text(&[], &[odd]), Err(Unsealable("a file's path")));
    }
}
