//! Stories of tag selection.

use std::cmp::Ordering::{Equal, Greater, Less};

use super::*;

fn select(yaml: &str) -> Selector {
    Selector::compile(&serde_yaml::from_str(yaml).unwrap()).unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn at(second: i64) -> Option<Timestamp> {
    Some(Timestamp::from_second(second).unwrap())
}

/// Tags with a build time (`tag@seconds`) or without, ranked.
fn ranked(selector: &Selector, tags: &str) -> String {
    let candidates = tags.split(' ').map(|text| {
        let (name, built) = text.split_once('@').unwrap_or((text, ""));
        Candidate { tag: tag(name), built: built.parse().ok().and_then(at), payload: () }
    });
    let ranked = selector.rank(candidates.collect());
    ranked.iter().map(|candidate| candidate.tag.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn versions_rank_by_precedence_and_prereleases_stay_out() {
    let selector = select("{semver: '*'}");
    assert_eq!(
        ranked(&selector, "1.9.0 latest 1.10.0 2.0.0-rc1 v1.2 8412365 1.10.0_rc2"),
        "1.10.0 1.9.0 v1.2"
    );
    assert!(!selector.needs_build_time());
    assert_eq!(selector.describe(), "semver *");
}

#[test]
fn newest_ranks_by_time_and_an_unknown_time_is_last() {
    let selector = select("{newest: true, filter: '^main-'}");
    assert_eq!(ranked(&selector, "main-a@5 pr-1@9 main-b main-c@7"), "main-c main-a main-b");
    assert!(selector.needs_build_time());
    assert_eq!(selector.describe(), "newest of ^main-");
}

#[test]
fn text_and_numbers_rank_in_both_directions() {
    assert_eq!(ranked(&select("{alphabetical: desc}"), "b a c"), "c b a");
    assert_eq!(ranked(&select("{alphabetical: asc}"), "b a c"), "a b c");
    let builds = select("{numerical: desc, filter: '^main-(?P<n>[0-9]+)-', extract: $n}");
    assert_eq!(ranked(&builds, "main-9-ff main-10-aa main-x-1 10"), "main-10-aa main-9-ff");
    assert_eq!(ranked(&select("{numerical: asc}"), "9 10 x"), "9 10");
    assert_eq!(builds.describe(), "numerical of ^main-(?P<n>[0-9]+)- by $n");
    assert_eq!(select("{alphabetical: asc}").describe(), "alphabetical asc");
}

#[test]
fn equal_ones_rank_the_same_whatever_the_order_of_the_list() {
    let selector = select("{semver: '*'}");
    for list in ["1.2 v1.2.0 1.2.0", "1.2.0 v1.2.0 1.2", "v1.2.0 1.2 1.2.0"] {
        assert_eq!(ranked(&selector, list), "v1.2.0 1.2.0 1.2");
    }
    assert_eq!(ranked(&selector, "v1.2.0@1 1.2.0 1.2@2"), "1.2 v1.2.0 1.2.0", "the newest build first");
}

#[test]
fn comparing_never_guesses() {
    let compare = |selector: &Selector, a: &str, b: &str| selector.compare((&tag(a), None), (&tag(b), None));
    let semver = select("{semver: '<2'}");
    assert_eq!(compare(&semver, "1.10.0", "1.9.0"), Some(Greater));
    assert_eq!(compare(&semver, "1.9.0", "2.0.0"), Some(Less), "out of the range, and newer all the same");
    assert_eq!(compare(&semver, "1.2", "1.2.0"), Some(Equal));
    assert_eq!(compare(&semver, "1.2.0", "1.2.0-rc1"), Some(Greater));
    assert_eq!(compare(&semver, "1.9.0", "main"), None);

    let newest = select("{newest: true}");
    assert_eq!(compare(&newest, "a", "b"), None);
    assert_eq!(newest.compare((&tag("a"), at(2)), (&tag("b"), at(1))), Some(Greater));
    assert_eq!(newest.compare((&tag("a"), at(2)), (&tag("b"), None)), None);

    let text = select("{alphabetical: desc, filter: '^main-'}");
    assert_eq!(compare(&text, "main-b", "main-a"), Some(Greater));
    assert_eq!(compare(&text, "main-b", "release-a"), None, "text means nothing beyond the filter");

    let numbers = select("{numerical: asc}");
    assert_eq!(compare(&numbers, "9", "10"), Some(Greater));
    assert_eq!(compare(&numbers, "9", "x"), None);
}

#[test]
fn equal_versions_compare_by_build_time_where_both_are_known() {
    let selector = select("{semver: '*'}");
    let (one, two) = (tag("1.2.0"), tag("1.2"));
    assert_eq!(selector.compare((&one, at(2)), (&two, at(1))), Some(Greater));
    assert_eq!(selector.compare((&one, at(2)), (&two, None)), Some(Equal));
}

#[test]
fn selectors_are_equal_by_their_source() {
    assert_eq!(select("{semver: '*'}"), select("{semver: '*'}"));
    assert_ne!(select("{semver: '*'}"), select("{semver: 'x'}"));
    assert_eq!(select("{semver: '*'}").source().semver.as_deref(), Some("*"));
}

#[test]
fn every_mistake_is_reported() {
    let keys = |yaml: &str| -> Vec<&str> {
        let errors = Selector::compile(&serde_yaml::from_str(yaml).unwrap()).unwrap_err();
        errors.iter().map(|error| error.key).collect()
    };
    assert_eq!(keys("{}"), [""]);
    assert_eq!(keys("{semver: '*', numerical: asc}"), [""]);
    assert_eq!(keys("{semver: nope, filter: '('}"), ["semver", "filter"]);
    assert_eq!(keys("{newest: false}"), ["newest"]);
    assert_eq!(keys("{newest: true, filter: '(a)', extract: $1}"), ["extract"]);
    assert_eq!(keys("{numerical: asc, extract: $1}"), ["extract"]);
}
