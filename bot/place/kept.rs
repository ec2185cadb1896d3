//! Promoted files in which an environment keeps values of its own: what they have in common, and what is written.
//!
//! Pure. What [`taken_over`] writes is what [`content`] says of the source, whatever the values: so a promotion
//! is seen as done by the next look, and a look never finds a difference that a promotion could not end.

use gantry_core::{promoted::content_id, reason::Problem};

use super::{problem, refused};

/// What a promoted file is compared by: its bytes without the values at `keys`.
///
/// # Errors
/// The editor refuses the file: it is no sound YAML, or the bytes of a kept value are not known.
pub fn content(path: &str, bytes: &[u8], keys: &[String]) -> Result<String, Problem> {
    let blanked = gantry_edit::blank(bytes, &texts(keys)).map_err(|refusal| refused(path, &refusal))?;
    Ok(content_id(&blanked))
}

/// The bytes of `theirs`, the file at `path`, with the values at `keys` as they stand in `ours`.
///
/// # Errors
/// As [`content`]; or a value of ours has no place in theirs, or can't be taken over as it is written.
pub fn taken_over(path: &str, theirs: &[u8], ours: &[u8], keys: &[String]) -> Result<Vec<u8>, Problem> {
    let texts = texts(keys);
    let bytes = gantry_edit::keep(theirs, ours, &texts).map_err(|refusal| refused(path, &refusal))?;
    if content(path, &bytes, keys)? == content(path, theirs, keys)? {
        return Ok(bytes);
    }
    let message = format!(
        "would differ beside the kept values ({}); write them alike in both environments",
        texts.join(", ")
    );
    Err(problem(path, message))
}

fn texts(keys: &[String]) -> Vec<&str> {
    keys.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn kept_values_are_no_difference() {
        let of = |text: &str| content("s.yaml", text.as_bytes(), &keys(&["replicas"])).unwrap();
        assert_eq!(of("replicas: 1 # few\nlog: info\n"), of("replicas: '5' # few\nlog: info\n"));
        assert_ne!(of("replicas: 1\nlog: info\n"), of("replicas: 1\nlog: debug\n"));
        assert_ne!(of("replicas: 1\nlog: info\n"), of("log: info\n"), "a key that is not there");
    }

    #[test]
    fn what_is_taken_over_is_compared_as_its_source() {
        let keys = keys(&["replicas", "ingress"]);
        let theirs = "replicas: 1\ningress:\n  host: dev\nlog: debug # more\n";
        for (ours, wanted) in [
            ("replicas: '5'\n", Some("replicas: '5'\ningress:\n  host: dev\nlog: debug # more\n")),
            (
                "log: x\ningress:\n  # ours\n  host: \"p\"\n  tls: 1\nreplicas: 5\n",
                Some("replicas: 5\ningress:\n  host: \"p\"\n  tls: 1\nlog: debug # more\n"),
            ),
            ("replicas:\n", None),
            ("ingress: {host: p}\n", None),
        ] {
            let found = taken_over("s.yaml", theirs.as_bytes(), ours.as_bytes(), &keys);
            match (found, wanted) {
                (Ok(bytes), Some(wanted)) => {
                    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), wanted);
                    assert_eq!(
                        content("s.yaml", &bytes, &keys).unwrap(),
                        content("s.yaml", theirs.as_bytes(), &keys).unwrap()
                    );
                }
                (Err(_), None) => {}
                (found, _) => panic!("{ours:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_compared_is_told_with_its_line() {
        let problem = content("a/s.yaml", b"log: x\nreplicas: 1\n  2\n", &keys(&["replicas"])).unwrap_err();
        assert!(problem.to_string().starts_with("a/s.yaml:2:"), "{problem}");
    }
}
