//! Reads `Link` (RFC 8288): where the next page of a tag list is.

use url::Url;

/// Headers longer than this are not read.
const LONGEST: usize = 8 * 1024;

/// What the `Link` headers of a page say of the next one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is none.
    End,
    /// It is here, on the origin of the page that was asked.
    Page(Url),
    /// It is where Gantry does not go; the text says why.
    Refused(String),
}

/// Finds the link with `rel="next"`.
///
/// The target may be absolute or relative. Registries behind a proxy often write their inner scheme and
/// port, or no port at all, so only path and query of an absolute target are used, on the origin of `page`;
/// its host name must be that of `page`, for the next request carries credentials.
pub(crate) fn next<'a>(headers: impl Iterator<Item = &'a str>, page: &Url) -> Next {
    for header in headers {
        if header.len() > LONGEST {
            return Next::Refused(format!("the Link header is longer than {LONGEST} bytes"));
        }
        if let Some(target) = target(header) {
            return resolve(target, page);
        }
    }
    Next::End
}

/// The first target in one header whose `rel` has the word `next`.
fn target(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, params) = after.split_once('>')?;
        let end = end_of_params(params);
        if params[..end].split(';').any(is_next) {
            return Some(target.trim());
        }
        rest = &params[end..];
    }
}

/// Parameters end at a comma outside quotes.
fn end_of_params(params: &str) -> usize {
    let mut quoted = false;
    params
        .bytes()
        .position(|b| {
            quoted ^= b == b'"';
            b == b',' && !quoted
        })
        .unwrap_or(params.len())
}

fn is_next(param: &str) -> bool {
    param.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value.trim().trim_matches('"').split_ascii_whitespace().any(|w| w.eq_ignore_ascii_case("next"))
    })
}

fn resolve(target: &str, page: &Url) -> Next {
    let Ok(found) = page.join(target) else {
        return Next::Refused("the link to the next page is not a URL".to_owned());
    };
    if !matches!(found.scheme(), "http" | "https") || found.host_str() != page.host_str() {
        return Next::Refused("the link to the next page leads to another host".to_owned());
    }
    let mut next = page.clone();
    next.set_path(found.path());
    next.set_query(found.query());
    Next::Page(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Option<String> {
        let page: Url = "https://r.io:5000/v2/a/tags/list?n=10".parse().unwrap();
        match next([header].into_iter(), &page) {
            Next::End => None,
            Next::Page(url) => Some(url.into()),
            Next::Refused(why) => Some(why),
        }
    }

    #[test]
    fn every_form_in_the_wild() {
        let want = Some("https://r.io:5000/v2/a/tags/list?last=x&n=10".to_owned());
        for good in [
            r#"</v2/a/tags/list?last=x&n=10>; rel="next""#,
            r#"<?last=x&n=10>;rel=next"#,
            r#"<list?last=x&n=10>; Rel="NEXT""#,
            r#"<https://r.io:5000/v2/a/tags/list?last=x&n=10>; rel="next""#,
            r#"<https://r.io/v2/a/tags/list?last=x&n=10>; rel="next""#,
            r#"<http://R.io:8080/v2/a/tags/list?last=x&n=10>; rel="next""#,
            r#"<//r.io/v2/a/tags/list?last=x&n=10>; rel="prev next""#,
            r#"</a,b>; rel="first"; title="a,<b", </v2/a/tags/list?last=x&n=10>; type=x; rel="next""#,
        ] {
            assert_eq!(read(good), want, "{good}");
        }
    }

    #[test]
    fn no_next_page() {
        for none in ["", "</a>", "</a>; rel=prev", "/a; rel=next", "</a; rel=next", "<a>; rel=\"nextish\""] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn other_places_are_refused() {
        for bad in [
            "<https://evil.io/v2/a/tags/list>; rel=next",
            "<//r.io.evil.io/v2>; rel=next",
            "<file://r.io/etc/passwd>; rel=next",
            "<javascript:x>; rel=next",
        ] {
            assert!(read(bad).unwrap().contains("another host"), "{bad}");
        }
        let stripped = read("<https://u:p@r.io/v2/a/tags/list>; rel=next");
        assert_eq!(stripped.as_deref(), Some("https://r.io:5000/v2/a/tags/list"));
    }

    proptest::proptest! {
        #[test]
        fn no_header_leads_off_the_host(text in "(?s)([a-z<>;:/?=\",@\\\\ é]|rel=next|https://){0,60}") {
            let page: Url = "https://r.io:5000/v2/a/tags/list".parse().unwrap();
            if let Next::Page(url) = next([&*text].into_iter(), &page) {
                assert_eq!(url.origin(), page.origin());
                assert_eq!((url.username(), url.password()), ("", None));
            }
        }
    }
}
