//! The link to what changed between two source revisions, in the forms of the forges.

use super::inert;

/// The page that compares `old` with `new` in the source repository `source`; none where a forge's page
/// can't be told or a revision is no plain commit or tag.
///
/// GitLab is known by its host's name; GitHub, Gitea and Forgejo share one form. Bitbucket has another, and is
/// left out until its forge is there.
pub(super) fn link(source: &str, old: &str, new: &str) -> Option<String> {
    if old == new || !revision(old) || !revision(new) {
        return None;
    }
    let url = url::Url::parse(&inert::http_url(source)?).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    if url.query().is_some() || url.fragment().is_some() || host.contains("bitbucket") {
        return None;
    }
    let base = url.as_str().trim_end_matches('/');
    let base = base.strip_suffix(".git").unwrap_or(base);
    // owner/name at least
    if url.path().trim_matches('/').split('/').count() < 2 {
        return None;
    }
    let way = if host.split('.').any(|label| label.contains("gitlab")) { "/-/compare" } else { "/compare" };
    inert::http_url(&format!("{base}{way}/{old}...{new}"))
}

fn revision(text: &str) -> bool {
    (4..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !text.contains("..")
        && !text.starts_with(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_forge_has_its_form() {
        let of = |source: &str| link(source, "1111111", "2222222");
        assert_eq!(
            of("https://github.com/shop/checkout.git").as_deref(),
            Some("https://github.com/shop/checkout/compare/1111111...2222222")
        );
        assert_eq!(
            of("https://gitlab.example.com/group/sub/checkout/").as_deref(),
            Some("https://gitlab.example.com/group/sub/checkout/-/compare/1111111...2222222")
        );
        assert_eq!(
            of("https://git.example.com/shop/checkout").as_deref(),
            Some("https://git.example.com/shop/checkout/compare/1111111...2222222")
        );
    }

    #[test]
    fn nothing_is_guessed() {
        for source in [
            "git@github.com:shop/checkout",
            "ssh://git@h/a/b",
            "javascript:alert(1)",
            "https://h/",
            "https://h/a?x",
        ] {
            assert_eq!(link(source, "1111111", "2222222"), None, "{source}");
        }
        for (old, new) in
            [("1111111", "1111111"), ("main/../x", "2222222"), ("a b c d", "2222222"), ("", "22222")]
        {
            assert_eq!(link("https://github.com/shop/checkout", old, new), None, "{old} {new}");
        }
    }
}
