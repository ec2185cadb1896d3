//! Tag lists over many pages, in every way registries have of sending them.

use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use gantry::registry::{Endpoint, Limits, Listing, Registry, RegistryError};
use serde_json::json;

use super::{list, now, tag_names};
use crate::support::scripted::{Scripted, Seen, answer, with};

fn body(names: &[String]) -> String {
    json!({"name": "a", "tags": names}).to_string()
}

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("t{n:04}")).collect()
}

/// The names after `last`, at most `n`, as the specification has it.
fn slice(seen: &Seen, all: &[String], most: usize) -> Vec<String> {
    let n = seen.query("n").map_or(most, |n| n.parse().unwrap()).min(most);
    let last = seen.query("last").unwrap_or_default();
    all.iter().filter(|name| **name > last).take(n).cloned().collect()
}

/// A registry of 25 tags that pages by `n` and `last` and writes its links with `form`.
async fn linked(form: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |seen| {
        let page = slice(seen, &names(0..25), 10);
        match page.last() {
            Some(last) if page.len() == 10 && last != "t0024" => {
                let link = form(seen.path(), &format!("n=10&last={last}"));
                with(StatusCode::OK, &[("link", &link)], body(&page))
            }
            _ => answer(StatusCode::OK, body(&page)),
        }
    })
    .await
}

async fn tags(server: &Scripted, page_size: u32) -> Listing {
    list(Endpoint { page_size, ..server.endpoint() }, &server.image("a")).await.unwrap()
}

#[tokio::test]
async fn links_are_followed_in_every_form() {
    type Form = fn(&str, &str) -> String;
    let forms: [Form; 6] = [
        |path, query| format!(r#"<{path}?{query}>; rel="next""#),
        |_, query| format!("<?{query}>; rel=next"),
        |_, query| format!(r#"<list?{query}>; rel="next""#),
        |path, query| format!(r#"<http://127.0.0.1{path}?{query}>; rel="next""#),
        |path, query| format!(r#"<https://127.0.0.1:1{path}?{query}>; rel="next""#),
        |path, query| format!(r#"<{path}>; rel="first", <{path}?{query}>; title="a, b"; rel="next""#),
    ];
    for (at, form) in forms.into_iter().enumerate() {
        let server = linked(form).await;
        let listing = tags(&server, 10).await;
        assert_eq!((listing.tags.len(), listing.complete), (25, true), "form {at}: {listing:?}");
        assert_eq!(server.seen().len(), 3, "form {at}");
    }
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let server =
        linked(|path, query| format!(r#"<http://elsewhere.example{path}?{query}>; rel="next""#)).await;
    let listing = tags(&server, 10).await;
    assert_eq!((listing.tags.len(), listing.complete), (10, false));
    assert!(listing.why_incomplete.unwrap().contains("another host"));
}

#[tokio::test]
async fn a_full_page_without_a_link_is_not_the_end() {
    for (count, requests) in [(25, 4), (20, 3), (10, 2), (9, 1)] {
        let server =
            Scripted::start(move |seen| answer(StatusCode::OK, body(&slice(seen, &names(0..count), 1000))))
                .await;
        let listing = tags(&server, 10).await;
        assert_eq!((listing.tags.len(), listing.complete), (count, true), "{listing:?}");
        assert_eq!(server.seen().len(), requests, "{:?}", server.targets());
    }
}

#[tokio::test]
async fn a_silent_cap_at_a_round_number_is_not_the_end() {
    let server =
        Scripted::start(|seen| answer(StatusCode::OK, body(&slice(seen, &names(0..130), 100)))).await;
    let listing = tags(&server, 1000).await;
    assert_eq!((listing.tags.len(), listing.complete), (130, true), "{listing:?}");
}

#[tokio::test]
async fn a_cut_list_with_no_way_on_is_incomplete() {
    // `n` obeyed, `last` ignored.
    let server = Scripted::start(|seen| {
        let n: usize = seen.query("n").unwrap().parse().unwrap();
        answer(StatusCode::OK, body(&names(0..n)))
    })
    .await;
    let listing = tags(&server, 10).await;
    assert_eq!((listing.tags.len(), listing.complete), (10, false));
    // `n` obeyed, `last` refused.
    let server = Scripted::start(|seen| match seen.query("last") {
        Some(_) => answer(StatusCode::BAD_REQUEST, ""),
        None => answer(StatusCode::OK, body(&names(0..10))),
    })
    .await;
    let listing = tags(&server, 10).await;
    assert_eq!((listing.tags.len(), listing.complete), (10, false));
    assert!(listing.why_incomplete.unwrap().contains("refused"));
}

#[tokio::test]
async fn a_registry_that_refuses_large_pages_is_asked_for_less() {
    let strict = |most: usize| {
        move |seen: &Seen| match seen.query("n").map(|n| n.parse::<usize>().unwrap()) {
            Some(n) if n > most => {
                let code = r#"{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}"#;
                answer(StatusCode::BAD_REQUEST, code)
            }
            _ => answer(StatusCode::OK, body(&names(0..7))),
        }
    };
    for (most, refused) in [(100, 1), (0, 2)] {
        let server = Scripted::start(strict(most)).await;
        let registry = Registry::new(server.endpoint()).unwrap();
        for _ in 0..2 {
            let listing = registry.tags(&server.image("a"), now()).await.unwrap();
            assert_eq!((listing.tags.len(), listing.complete), (7, true));
        }
        // Learned once for the registry.
        assert_eq!(server.seen().len(), refused + 2, "{:?}", server.targets());
    }
    let server = Scripted::always(|| answer(StatusCode::BAD_REQUEST, "")).await;
    let error = list(server.endpoint(), &server.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unexpected { status: 400, .. }), "{error}");
}

#[tokio::test]
async fn circles_end() {
    let next = |target: String, page: String| -> Response {
        with(StatusCode::OK, &[("link", &format!("<{target}>; rel=next"))], page)
    };
    // Back to the same page.
    let server = Scripted::start(move |_| next("?n=2&last=x".to_owned(), body(&names(0..2)))).await;
    let listing = tags(&server, 2).await;
    assert_eq!((listing.tags.len(), listing.complete), (2, false));
    assert!(listing.why_incomplete.unwrap().contains("leads back"));
    // Ever new pages with the same tags.
    let server =
        Scripted::start(move |seen| next(format!("?page={}", seen.target.len()), body(&names(0..2)))).await;
    let listing = tags(&server, 2).await;
    assert!(!listing.complete && server.seen().len() < 6, "{:?}", server.targets());
}

#[tokio::test]
async fn caps_make_a_list_incomplete() {
    let endless = |seen: &Seen| {
        let at: usize = seen.query("at").map_or(0, |at| at.parse().unwrap());
        let link = format!("<?at={}>; rel=next", at + 10);
        with(StatusCode::OK, &[("link", &link)], body(&names(at..at + 10)))
    };
    let server = Scripted::start(endless).await;
    for (pages, most, got) in [(5, 100_000, 50), (1000, 42, 42)] {
        let limits = Limits { pages, tags: most, ..server.endpoint().limits };
        let listing = list(Endpoint { limits, ..server.endpoint() }, &server.image("a")).await.unwrap();
        assert_eq!((listing.tags.len(), listing.complete), (got, false));
        assert!(listing.why_incomplete.unwrap().contains("more than"));
    }
}

#[tokio::test]
async fn a_failed_page_fails_the_list() {
    // flux2 #4984: half a tag list made tags in Git go back.
    let server = linked(|path, query| format!("<{path}?{query}&fail=1>; rel=next")).await;
    let broken = Scripted::start(|seen| match seen.query("fail") {
        None => with(StatusCode::OK, &[("link", "<?fail=1>; rel=next")], body(&names(0..10))),
        Some(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, ""),
    })
    .await;
    assert!(tags(&server, 10).await.complete);
    let error = list(broken.endpoint(), &broken.image("a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable { status: 500, .. }), "{error}");
}

#[tokio::test]
async fn names_that_are_no_tags_are_counted_and_left_out() {
    let page = r#"{"tags":["1","../../etc","a b","\u0000","2","1"]}"#;
    let server = Scripted::always(move || answer(StatusCode::OK, page)).await;
    let listing = tags(&server, 10).await;
    assert_eq!((tag_names(&listing.tags), listing.skipped, listing.complete), (vec!["1", "2"], 3, true));
    assert_eq!(server.seen()[0].method, Method::GET);
}
