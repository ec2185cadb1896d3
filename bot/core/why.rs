//! "Why is my build not in prod?": one answer, with the way that led to it.
//!
//! It reads the same decision that the server acts on, so what it says is what holds a promotion back
//! (promise 8).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifact::Release,
    build::BuildStatus,
    catalog::TagState,
    config::pipeline::{Application, Pipeline, Stage},
    decide::{
        decide_place,
        place::{PlaceDecision, Step},
        place_of,
        view::View,
    },
    facts::{Facts, Place},
    gates::{GateVerdict, Verdict},
    ids::{ApplicationName, EnvironmentName, ProposalNumber},
    reason::Reason,
};

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// The application and the environment asked about.
    pub place: Place,
    /// The version asked about.
    pub version: String,
    /// Its release, where it is known as one.
    pub release: Option<Release>,
    /// In one word.
    pub answer: Answer,
    /// The environment where it stands still; none if it is in place.
    pub at: Option<EnvironmentName>,
    /// Why, the decisive one first.
    pub reasons: Vec<Reason>,
    /// Each environment on its way.
    pub steps: Vec<WhyStep>,
    /// When time alone will change the answer.
    #[schemars(with = "Option<String>")]
    pub next_look: Option<Timestamp>,
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is in the environment.
    InPlace,
    /// It is on its way: time, CI or a release manager's word is missing.
    OnItsWay,
    /// It doesn't go on by itself.
    Stopped,
}

/// One environment on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhyStep {
    /// Which.
    pub environment: EnvironmentName,
    /// It has been reached.
    pub reached: bool,
    /// How it stands there.
    pub reason: Reason,
    /// What the gates before it say.
    pub gates: Vec<GateVerdict>,
    /// Its proposal.
    pub proposal: Option<ProposalNumber>,
}

/// The question can't be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyError {
    /// No such application, or it isn't in that environment.
    #[error("{0} is not in gantry.yaml")]
    NotConfigured(Place),
}

/// Answers for `subject`: a tag, a digest or the beginning of a release id; the newest build when left out.
///
/// # Errors
/// If the application or the environment isn't in the pipeline.
pub fn why(
    pipeline: &Pipeline,
    facts: &Facts,
    now: Timestamp,
    application: &ApplicationName,
    environment: &EnvironmentName,
    subject: Option<&str>,
) -> Result<Why, WhyError> {
    let place = place_of(application, environment);
    let missing = || WhyError::NotConfigured(place.clone());
    let app = pipeline.applications.get(application).ok_or_else(missing)?;
    let stage =
        pipeline.stage(environment).filter(|_| app.files.contains_key(environment)).ok_or_else(missing)?;
    let view = View { pipeline, facts, application: app, now };
    let path = path(pipeline, app, stage);
    let decisions: Vec<PlaceDecision> = path
        .iter()
        .filter_map(|stage| decide_place(pipeline, facts, now, application, &stage.name))
        .collect();

    let found = find(&view, &path, &decisions, subject);
    let mut answer = Why {
        place,
        version: found
            .as_ref()
            .map_or_else(|| subject.unwrap_or("the newest build").to_owned(), Release::version),
        release: found.clone(),
        answer: Answer::Stopped,
        at: None,
        reasons: Vec::new(),
        steps: Vec::new(),
        next_look: None,
    };
    let Some(release) = found else {
        answer.at = path.first().map(|stage| stage.name.clone());
        answer.reasons.push(unknown(&view, &decisions, subject));
        return Ok(answer);
    };
    answer.steps = decisions.iter().map(|decision| step(&view, decision, &release)).collect();
    match answer.steps.iter().rev().find(|step| step.environment == stage.name) {
        Some(last) if matches!(last.reason, Reason::InPlace { .. }) => {
            answer.answer = Answer::InPlace;
            answer.reasons.push(last.reason.clone());
        }
        _ => stands_still(&mut answer),
    }
    Ok(answer)
}

/// The first environment that was not reached decides.
fn stands_still(answer: &mut Why) {
    let Some(step) = answer.steps.iter().find(|step| !step.reached).or(answer.steps.last()) else { return };
    answer.at = Some(step.environment.clone());
    answer.reasons.push(step.reason.clone());
    let open: Vec<&GateVerdict> = step.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).collect();
    for gate in &open {
        if !answer.reasons.contains(&gate.reason) {
            answer.reasons.push(gate.reason.clone());
        }
    }
    let moves = matches!(
        step.reason,
        Reason::Ready
            | Reason::Proposed { .. }
            | Reason::Soaking { .. }
            | Reason::CheckRunning { .. }
            | Reason::CheckMissing { .. }
            | Reason::NeedsApproval { .. }
            | Reason::NotUpstream { .. }
    );
    let fails = open.iter().any(|gate| gate.verdict == Verdict::Fail);
    answer.answer = if moves && !fails { Answer::OnItsWay } else { Answer::Stopped };
    answer.next_look = open.iter().filter_map(|gate| gate.until).max();
}

/// The environments on the way to `stage`, itself the last.
fn path<'a>(pipeline: &'a Pipeline, application: &Application, stage: &'a Stage) -> Vec<&'a Stage> {
    let mut wanted = vec![stage.name.clone()];
    let mut index = 0;
    while let Some(name) = wanted.get(index).cloned() {
        if let Some(stage) = pipeline.stage(&name) {
            for before in pipeline.upstream(application, stage) {
                if !wanted.contains(&before) {
                    wanted.push(before);
                }
            }
        }
        index += 1;
    }
    pipeline.environments.iter().filter(|stage| wanted.contains(&stage.name)).collect()
}

fn find(
    view: &View<'_>,
    path: &[&Stage],
    decisions: &[PlaceDecision],
    subject: Option<&str>,
) -> Option<Release> {
    let visits =
        || path.iter().flat_map(|stage| view.visits(&stage.name)).filter_map(|visit| visit.release.ok());
    let considered =
        || decisions.iter().flat_map(|d| &d.considered).map(|considered| considered.release.clone());
    let Some(subject) = subject else {
        let first = decisions.first()?;
        // A build of which nothing tells whether it is newer is not what people mean by their newest build.
        let passed =
            |reason: &Reason| matches!(reason, Reason::OlderThanHeld { .. } | Reason::Unordered { .. });
        let newest = first.considered.iter().find(|c| !c.refused.as_ref().is_some_and(passed));
        return newest.map(|c| c.release.clone()).or_else(|| first.standing.release.clone());
    };
    let is_it = |release: &Release| {
        (subject.len() >= 6 && release.id.as_str().starts_with(subject))
            || release.version() == subject
            || release.artifacts.iter().any(|a| a.tag.as_str() == subject || a.digest.as_str() == subject)
    };
    considered().chain(visits()).find(is_it)
}

/// Why nothing can be said of what was asked about.
fn unknown(view: &View<'_>, decisions: &[PlaceDecision], subject: Option<&str>) -> Reason {
    let Some(subject) = subject else {
        let first = decisions.first().map(|decision| &decision.standing);
        return first
            .and_then(|standing| standing.problem.clone().or_else(|| standing.rest.clone()))
            .unwrap_or(Reason::NothingNewer);
    };
    for image in &view.application.images {
        // A build that failed is known by its check alone: its tag is never pointed anywhere.
        let checks =
            view.facts.catalog.image(&image.image).into_iter().flat_map(|facts| facts.checks.values());
        for (check, result) in checks.flatten().filter(|(_, result)| result.tag.as_str() == subject) {
            if result.status == BuildStatus::Failed {
                return Reason::CheckFailed { check: check.clone(), url: result.url.clone() };
            }
        }
        let mut tags = view.facts.catalog.tags_of(&image.image);
        if let Some((tag, fact)) = tags.find(|(tag, _)| tag.as_str() == subject) {
            if !image.select.matches(tag) {
                return Reason::NotSelected { rule: image.select.describe() };
            }
            if fact.state == TagState::Gone {
                return Reason::TagGone;
            }
            let newest = decisions.first().map(|decision| decision.standing.version()).unwrap_or_default();
            return Reason::OlderThanHeld { held: newest };
        }
    }
    Reason::NeverSeen { subject: subject.to_owned() }
}

fn step(view: &View<'_>, decision: &PlaceDecision, release: &Release) -> WhyStep {
    let standing = &decision.standing;
    let environment = standing.place.environment.clone();
    let next = standing.next.iter().find(|next| next.release.id == release.id);
    let mut step = WhyStep {
        environment: environment.clone(),
        reached: true,
        reason: Reason::NothingNewer,
        gates: next.map(|next| next.gates.clone()).unwrap_or_default(),
        proposal: next.and_then(|next| next.proposal),
    };
    if standing.release.as_ref().is_some_and(|held| held.id == release.id) {
        step.reason = Reason::InPlace { since: standing.since };
        return step;
    }
    let visits = view.visits(&environment);
    let was = visits.iter().position(|visit| visit.release.as_ref().is_ok_and(|held| held.id == release.id));
    if let Some((at, visit)) = was.and_then(|at| visits.get(at).map(|visit| (at, visit)))
        && next.is_none_or(|next| next.step == Step::Stopped)
    {
        let later =
            at.checked_sub(1).and_then(|later| visits.get(later)).and_then(|v| v.release.as_ref().ok());
        step.reason = match (&visit.displaced, visit.until) {
            (Some(arrival), _) => Reason::Withdrawn {
                environment,
                by: arrival.author.name.clone(),
                commit: arrival.commit.clone(),
            },
            (None, until) => Reason::WasInPlace {
                since: visit.since,
                until: until.unwrap_or(view.now),
                replaced_by: later.map_or_else(|| standing.version(), Release::version),
            },
        };
        return step;
    }
    step.reached = false;
    let considered = decision.considered.iter().find(|considered| considered.release.id == release.id);
    step.reason = if let Some(problem) = &standing.problem {
        problem.clone()
    } else if let Some(next) = next {
        match (next.step, &next.reason) {
            (_, Some(reason)) => reason.clone(),
            (Step::Proposed, None) => waiting(&next.gates).unwrap_or_else(|| proposed(next.proposal)),
            (Step::Waiting, None) => waiting(&next.gates).unwrap_or(Reason::Ready),
            (Step::Writing | Step::Merging | Step::Stopped, None) => Reason::Ready,
        }
    } else if let Some(considered) = considered {
        step.gates.clone_from(&considered.gates);
        let newer = standing.next.first().map(|next| next.release.version());
        let superseded = || newer.map_or(Reason::Ready, |by| Reason::Superseded { by });
        considered.refused.clone().or_else(|| waiting(&considered.gates)).unwrap_or_else(superseded)
    } else {
        let upstream = view.pipeline.stage(&environment).map(|s| view.pipeline.upstream(view.application, s));
        let missing = upstream
            .into_iter()
            .flatten()
            .find(|name| View::stay(name, &view.visits(name), &release.id).since.is_none());
        match missing {
            Some(environment) => Reason::NotUpstream { environment },
            None => Reason::OlderThanHeld { held: standing.version() },
        }
    };
    step
}

/// The gate that holds it back: a failed one before one that waits.
fn waiting(gates: &[GateVerdict]) -> Option<Reason> {
    let of = |verdict: Verdict| gates.iter().find(move |gate| gate.verdict == verdict);
    of(Verdict::Fail).or_else(|| of(Verdict::Wait)).map(|gate| gate.reason.clone())
}

fn proposed(number: Option<ProposalNumber>) -> Reason {
    number.map_or(Reason::Ready, |proposal| Reason::Proposed { proposal })
}
