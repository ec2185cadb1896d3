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
        candidates, decide_application, explain, place_of,
        standing::{PlaceDecision, Standing, Step},
        view::View,
    },
    facts::{Facts, Place},
    gates::{self, GateVerdict, Verdict},
    ids::{ApplicationName, EnvironmentName, ProposalNumber},
    reason::{Mark, Owner, Reason},
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
    /// The mark.
    pub mark: Mark,
    /// Who has to act.
    pub owner: Owner,
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
    let mut decisions = decide_application(pipeline, facts, now, application);
    decisions.retain(|decision| path.iter().any(|at| at.name == decision.standing.place.environment));

    let found = match subject {
        Some(subject) => find(&view, &path, &decisions, subject),
        None => explain::spoken_of(&view, &decisions),
    };
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
        let reason = unknown(&view, &decisions, subject);
        answer.answer = Answer::of(reason.mark());
        answer.reasons.push(reason);
        return Ok(answer);
    };
    answer.steps = decisions.iter().map(|decision| step(&view, decision, &release)).collect();
    match answer.steps.last() {
        Some(last) if matches!(last.reason, Reason::InPlace { .. }) => {
            answer.answer = Answer::InPlace;
            answer.reasons.push(last.reason.clone());
        }
        _ => stands_still(&mut answer),
    }
    Ok(answer)
}

impl Answer {
    /// What a mark comes to for a release that is not in place.
    fn of(mark: Mark) -> Self {
        match mark {
            Mark::Moving | Mark::Waiting => Self::OnItsWay,
            Mark::Done | Mark::Stopped | Mark::Quiet => Self::Stopped,
        }
    }
}

/// The first environment that was not reached decides.
fn stands_still(answer: &mut Why) {
    let Some(index) =
        answer.steps.iter().position(|step| !step.reached).or(answer.steps.len().checked_sub(1))
    else {
        return;
    };
    // What comes behind it waits for it, whatever else is said there.
    for step in answer.steps.iter_mut().skip(index + 1).filter(|step| !step.reached) {
        step.mark = Mark::Quiet;
    }
    let Some(step) = answer.steps.get(index) else { return };
    answer.at = Some(step.environment.clone());
    answer.reasons.push(step.reason.clone());
    let open: Vec<&GateVerdict> = step.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).collect();
    for gate in &open {
        if !answer.reasons.contains(&gate.reason) {
            answer.reasons.push(gate.reason.clone());
        }
    }
    answer.answer = Answer::of(step.mark);
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

fn find(view: &View<'_>, path: &[&Stage], decisions: &[PlaceDecision], subject: &str) -> Option<Release> {
    let visits =
        || path.iter().flat_map(|stage| view.visits(&stage.name)).filter_map(|visit| visit.release.ok());
    let considered =
        || decisions.iter().flat_map(|d| &d.considered).map(|considered| considered.release.clone());
    let is_it = |release: &Release| {
        (subject.len() >= 6 && release.id.as_str().starts_with(subject))
            || release.version() == subject
            || release.artifacts.iter().any(|a| a.tag.as_str() == subject || a.digest.as_str() == subject)
    };
    let coming = || decisions.iter().flat_map(|d| &d.standing.next).map(|next| next.release.clone());
    considered().chain(coming()).chain(visits()).find(is_it)
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
            let missing = candidates::undescribed(view, image);
            if missing > 0 {
                return Reason::ListIncomplete { image: image.image.clone(), missing };
            }
            if let Some(reason) =
                decisions.first().and_then(|first| explain::passed_over(view, &first.standing, image, tag))
            {
                return reason;
            }
        }
    }
    Reason::NeverSeen { subject: subject.to_owned() }
}

fn step(view: &View<'_>, decision: &PlaceDecision, release: &Release) -> WhyStep {
    let standing = &decision.standing;
    let next = standing.next.iter().find(|next| next.release.id == release.id);
    let (reached, reason, gates) = stands(view, decision, release);
    WhyStep {
        environment: standing.place.environment.clone(),
        reached,
        mark: reason.mark(),
        owner: reason.owner(),
        reason,
        gates,
        proposal: next.and_then(|next| next.proposal),
    }
}

/// How a release stands in one environment: whether it was reached, why it stands so, and the gates.
fn stands(view: &View<'_>, decision: &PlaceDecision, release: &Release) -> (bool, Reason, Vec<GateVerdict>) {
    let standing = &decision.standing;
    let environment = &standing.place.environment;
    if standing.release.as_ref().is_some_and(|held| held.id == release.id) {
        return (true, standing.in_place(), Vec::new());
    }
    let was = was_there(view, standing, release);
    // What is under way is told in the words of the place.
    if let Some(next) = standing.next.iter().find(|next| next.release.id == release.id) {
        let open = || view.facts.open_proposal(&standing.place).map(|proposal| proposal.number);
        let moves = || match (next.step, next.proposal.or_else(open)) {
            (Step::Proposed | Step::Waiting, Some(proposal)) => Reason::Proposed { proposal },
            _ => Reason::Ready,
        };
        let reason = standing.said_of(next).reason.cloned().unwrap_or_else(moves);
        return (was.is_some() && next.step == Step::Stopped, reason, next.gates.clone());
    }
    if let Some(reason) = was {
        return (true, reason, Vec::new());
    }
    if let Some(problem) = &standing.problem {
        return (false, problem.clone(), Vec::new());
    }
    let considered = decision.considered.iter().find(|considered| considered.release.id == release.id);
    if let Some(considered) = considered {
        let newer = standing.next.first().map(|next| next.release.version());
        let superseded = || newer.map_or(Reason::Ready, |by| Reason::Superseded { by });
        let holding = || gates::holding(&considered.gates).map(|gate| gate.reason.clone());
        let reason = considered.refused.clone().or_else(holding).unwrap_or_else(superseded);
        return (false, reason, considered.gates.clone());
    }
    let upstream = view.pipeline.stage(environment).map(|s| view.pipeline.upstream(view.application, s));
    let missing = upstream
        .into_iter()
        .flatten()
        .find(|name| View::stay(name, &view.visits(name), &release.id).since.is_none());
    let reason = match missing {
        Some(environment) => Reason::NotUpstream { environment },
        None => explain::compared(view, standing, release),
    };
    (false, reason, Vec::new())
}

/// What became of a release that is no longer in an environment.
fn was_there(view: &View<'_>, standing: &Standing, release: &Release) -> Option<Reason> {
    let environment = &standing.place.environment;
    let visits = view.visits(environment);
    let at = visits.iter().position(|visit| visit.is_of(&release.id))?;
    let visit = visits.get(at)?;
    let later = at.checked_sub(1).and_then(|later| visits.get(later)).and_then(|v| v.release.as_ref().ok());
    Some(match (&visit.displaced, visit.until) {
        (Some(arrival), _) => Reason::Withdrawn {
            environment: environment.clone(),
            by: arrival.author.name.clone(),
            commit: arrival.commit.clone(),
        },
        (None, until) => Reason::WasInPlace {
            since: visit.since,
            until: until.unwrap_or(view.now),
            replaced_by: later.map_or_else(|| standing.version(), Release::version),
        },
    })
}
