//! What is said, as snapshots; what a folder of templates may do; what hostile text can't do.

use std::{collections::BTreeSet, fs, sync::LazyLock};

use gantry_core::{
    decide::standing::Next,
    effects::Promotion,
    gates::{GateVerdict, Verdict},
    ids::ProposalNumber,
    reason::Reason,
};
use proptest::prelude::*;

use super::{samples::Samples, sentences::kind, *};

fn samples() -> Samples {
    Samples::read()
}

/// All that was said under one of `names`, one paragraph each.
fn said(names: &[&str]) -> String {
    let all = samples().speak(&Renderer::embedded());
    let of = |(name, text): (String, String)| names.contains(&name.as_str()).then_some(text);
    all.into_iter().filter_map(of).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_of_reason_has_a_sample() {
    let schema = serde_json::to_value(schemars::schema_for!(Reason)).unwrap();
    let wanted: BTreeSet<String> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["properties"]["kind"]["const"].as_str().unwrap().replace('-', "_"))
        .collect();
    let sampled: BTreeSet<String> = samples().reasons.iter().map(|reason| kind(reason).to_owned()).collect();
    assert!(wanted.len() > 30);
    assert_eq!(wanted, sampled);
}

#[test]
fn no_embedded_template_fails_on_a_sample() {
    // A renderer falls back quietly; a folder, even an empty one, is tried without that.
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Renderer::with_folder(folder.path()).err().map(|error| error.to_string()), None);
}

#[test]
fn reasons() {
    insta::assert_snapshot!(said(&["reason"]));
}

#[test]
fn standings_and_history() {
    insta::assert_snapshot!(said(&["standing", "put", "rejection"]));
}

#[test]
fn answers_to_why() {
    insta::assert_snapshot!(said(&["why", "why step"]));
}

#[test]
fn effects_and_events() {
    insta::assert_snapshot!(said(&["effect", "event"]));
}

#[test]
fn the_demo() {
    insta::assert_snapshot!(said(&["demo"]));
}

#[test]
fn commits() {
    let samples = samples();
    let renderer = Renderer::embedded();
    let trailers = [
        ("Gantry-Application".to_owned(), "checkout".to_owned()),
        ("Gantry-Image".to_owned(), "registry.example.com/shop/checkout:1.43.1@sha256:bb".to_owned()),
        ("Gantry-From".to_owned(), String::new()),
    ];
    let mut all: Vec<String> =
        samples.promotions.iter().map(|promotion| renderer.promotion_commit(promotion, &trailers)).collect();
    all.push(said(&["ruling commit"]));
    insta::assert_snapshot!(all.join("\n=====\n"));
}

#[test]
fn proposals() {
    insta::assert_snapshot!(said(&["proposal title", "proposal body", "close comment"]));
}

#[test]
fn pages() {
    insta::assert_snapshot!(said(&["page", "empty page"]));
}

#[test]
fn statuses_fit_every_forge() {
    let samples = samples();
    let mut verdicts: Vec<_> = samples.promotions.iter().flat_map(|p| p.gates.clone()).collect();
    verdicts[0].reason = Reason::CheckFailed { check: "x".repeat(500), url: None };
    let statuses = Renderer::embedded().statuses(&verdicts);
    assert!(statuses.iter().all(|status| status.description.chars().count() <= 140));
    assert!(statuses.iter().all(|status| matches!(status.state.as_str(), "success" | "pending" | "failure")));
    assert_eq!(statuses[0].context, "gantry/soak");
}

#[test]
fn every_sentence_is_one_line_that_begins_and_ends_as_one() {
    let samples = samples();
    let renderer = Renderer::embedded();
    let mut all: Vec<String> = samples.reasons.iter().map(|reason| renderer.reason(reason)).collect();
    all.extend(samples.standings.iter().map(|standing| renderer.standing(standing)));
    for text in all {
        assert!(!text.contains('\n') && text.ends_with('.') && !text.ends_with(".."), "{text}");
        assert!(!text.contains("  ") && !text.contains(" ."), "{text}");
        assert!(text.chars().next().is_some_and(|c| !c.is_lowercase()), "{text}");
    }
}

#[test]
fn a_folder_changes_what_is_said_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let own = engine::embedded()["reasons.txt"].replace("nothing newer is known", "all is well");
    fs::write(folder.path().join("reasons.txt"), own).unwrap();
    fs::create_dir(folder.path().join("page")).unwrap();
    fs::write(folder.path().join("page/style.css"), "body{}").unwrap();
    let renderer = Renderer::with_folder(folder.path()).unwrap();
    assert_eq!(renderer.reason(&Reason::NothingNewer), "All is well.");
    assert_eq!(renderer.reason(&Reason::MergesItself), Renderer::embedded().reason(&Reason::MergesItself));
    assert_eq!(renderer.asset("page/style.css"), Some("body{}"));
}

#[test]
fn a_folder_with_an_error_is_refused_with_file_and_line() {
    for (name, text, wanted) in [
        ("resons.txt", "", "resons.txt replaces no template"),
        ("closed.md", "{{ why", "templates/closed.md:1: "),
        ("closed.md", "\n{{ wy }}", "templates/closed.md:2: undefined value"),
        ("why.txt", "{% block step %}{% endblock %}", "templates/why.txt"),
        (
            "closed.md",
            "{% for x in range(9000) %}{% for y in range(9000) %}.{% endfor %}{% endfor %}",
            "fuel",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        let error = Renderer::with_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{name}: {error}");
    }
    let missing = Renderer::with_folder(Path::new("/does/not/exist")).unwrap_err().to_string();
    assert!(missing.contains("/does/not/exist"), "{missing}");
}

#[test]
fn a_template_that_fails_only_later_leaves_the_word_to_the_embedded_one() {
    let folder = tempfile::tempdir().unwrap();
    let own = engine::embedded()["reasons.txt"].replace(
        "proposal #{{ proposal }} is open for it",
        "{% if proposal > 100 %}{{ nobody }}{% endif %}number {{ proposal }}",
    );
    fs::write(folder.path().join("reasons.txt"), own).unwrap();
    let renderer = Renderer::with_folder(folder.path()).unwrap();
    let said = |number| renderer.reason(&Reason::Proposed { proposal: ProposalNumber(number) });
    assert_eq!(said(2), "Number 2.");
    assert_eq!(said(200), "Proposal #200 is open for it.");
}

#[test]
fn the_marker_is_read_back_and_no_other_text_passes_for_it() {
    let samples = samples();
    let promotion = &samples.promotions[0];
    let other = samples.old.id.clone();
    let diff = format!("+<!-- gantry release={other} -->\n ````\n");
    let text = ProposalText { promotion, number: None, from: None, source: None, diff: &diff };
    let (_, body) = Renderer::embedded().proposal(&text);
    assert_eq!(parse_marker(&body), Some(promotion.release.id.clone()));
    assert_eq!(parse_marker(&body.replace('\n', "\r\n")), Some(promotion.release.id.clone()));
    assert!(body.contains("\n`````diff\n"));
    assert_eq!(parse_marker(&format!("{body}\n<!-- gantry release={other} -->\n")), None);
    assert_eq!(parse_marker("hello"), None);
}

/// Made once: the property below speaks many times.
static VOICE: LazyLock<Renderer> = LazyLock::new(Renderer::embedded);

/// A promotion in which every text from outside is `text`.
fn hostile(text: &str) -> Promotion {
    let mut promotion = samples().promotions[1].clone();
    promotion.by = Some(text.to_owned());
    promotion.from_version = text.to_owned();
    for artifact in &mut promotion.release.artifacts {
        artifact.revision = Some(text.to_owned());
        artifact.source = Some(text.to_owned());
    }
    promotion.gates[0].reason = Reason::Withdrawn {
        environment: "qa".parse().unwrap(),
        by: text.to_owned(),
        commit: "0".repeat(40).parse().unwrap(),
    };
    promotion
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn outside_text_forges_no_trailer_and_no_marker(
        text in "[@#!|`<>\\[\\]a-z\n\r :\u{2028}\u{202e}-]{0,40}(\n\nGantry-Rejects: x\n|<!-- gantry release=0123456789abcdef0123456789abcdef -->)?"
    ) {
        let promotion = hostile(&text);
        let renderer = &*VOICE;
        let trailers = [("Gantry-By".to_owned(), text.clone()), ("Gantry-Release".to_owned(), "r".to_owned())];
        let message = renderer.promotion_commit(&promotion, &trailers);
        let last: Vec<&str> = message.trim_end().rsplit("\n\n").next().unwrap().lines().collect();
        prop_assert!(last.iter().all(|line| line.starts_with("Gantry-By: ") || line.starts_with("Gantry-Release: ")));
        prop_assert!(last.len() <= 2);
        prop_assert_eq!(message.lines().filter(|line| line.starts_with("Gantry-")).count(), last.len());
        prop_assert!(!message.lines().next().unwrap().is_empty());

        let draft = ProposalText { promotion: &promotion, number: None, from: None, source: None, diff: &text };
        let (title, body) = renderer.proposal(&draft);
        prop_assert!(!title.contains('\n'));
        prop_assert_eq!(parse_marker(&body), Some(promotion.release.id.clone()));
        // One row for each image: nothing broke out of the table.
        let rows = body.lines().filter(|line| line.starts_with("| checkout")).count();
        prop_assert_eq!(rows, promotion.release.artifacts.len());
    }
}

/// One table for all views: the mark, the step of a release that it is told of, who must act, and the words.
#[test]
fn each_reason_has_one_mark_one_step_one_owner_and_one_sentence() {
    use gantry_core::decide::standing::Step;
    let renderer = Renderer::embedded();
    let row = |reason: &Reason| {
        let step = Step::of(reason.mark()).map_or("-", Step::word);
        let owner = serde_json::to_value(reason.owner()).unwrap();
        let owner = owner.as_str().unwrap();
        format!(
            "{} {:<16} {:<8} {:<15} {}",
            reason.mark().sign(),
            kind(reason),
            step,
            owner,
            renderer.reason(reason)
        )
    };
    let table: Vec<String> = samples().reasons.iter().map(row).collect();
    insta::assert_snapshot!(table.join("\n"));
}

/// A standing, `why`, a gate's line and a closing comment tell a reason by the same words.
#[test]
fn a_reason_is_told_in_the_same_words_everywhere() {
    use gantry_core::decide::standing::Step;
    let (samples, renderer) = (samples(), Renderer::embedded());
    let next = samples.standings.iter().find_map(|standing| standing.next.first()).unwrap();
    for reason in &samples.reasons {
        let words = renderer.clause(reason);
        let step = Step::of(reason.mark()).filter(|step| *step != Step::Writing);
        let mut standing = samples.standings[0].clone();
        match step {
            Some(step) => {
                let gates = Vec::new();
                standing.next = vec![Next { step, gates, reason: Some(reason.clone()), ..next.clone() }];
                standing.rest = None;
            }
            None => standing.rest = Some(reason.clone()),
        }
        let told = renderer.standing(&standing).to_lowercase();
        assert!(told.contains(words.trim_end_matches('.').to_lowercase().as_str()), "{told}\n{words}");
        assert_eq!(standing.said().mark, if step.is_some() { reason.mark() } else { standing.said().mark });
        let verdict = GateVerdict {
            gate: "soak".to_owned(),
            verdict: Verdict::Wait,
            until: None,
            reason: reason.clone(),
        };
        assert_eq!(renderer.gate(&verdict), renderer.reason(reason));
        let mut why = samples.whys[1].clone();
        why.steps[0].reason = reason.clone();
        assert!(renderer.why_steps(&why)[0].contains(words.trim_end_matches('.')), "{words}");
    }
}
