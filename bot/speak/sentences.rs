//! Reasons, verdicts, standings, answers and effects as sentences.

use gantry_core::{
    decide::{
        standing::{Next, Standing},
        view::Put,
    },
    effects::{Effect, Promotion},
    facts::{Approval, HeadStatus, Rejection},
    gates::{GateVerdict, Verdict},
    ids::ProposalNumber,
    reason::{Problem, Reason},
    why::{Answer, Why},
};
use minijinja::{Value, value::Serde};

use super::{Renderer, inert};

/// The block of `reasons.txt` for a reason. The compiler asks for one for each new kind.
pub(super) fn kind(reason: &Reason) -> &'static str {
    match reason {
        Reason::Soaked { .. } => "soaked",
        Reason::Soaking { .. } => "soaking",
        Reason::SoakCutShort { .. } => "soak_cut_short",
        Reason::NotUpstream { .. } => "not_upstream",
        Reason::ChecksPassed { .. } => "checks_passed",
        Reason::CheckMissing { .. } => "check_missing",
        Reason::CheckRunning { .. } => "check_running",
        Reason::CheckFailed { .. } => "check_failed",
        Reason::NeedsApproval { .. } => "needs_approval",
        Reason::Approved { .. } => "approved",
        Reason::MergesItself => "merges_itself",
        Reason::Rejected { .. } => "rejected",
        Reason::Withdrawn { .. } => "withdrawn",
        Reason::TakenBack { .. } => "taken_back",
        Reason::NotPromoted { .. } => "not_promoted",
        Reason::NeverPromoted { .. } => "never_promoted",
        Reason::HistoryUnread { .. } => "history_unread",
        Reason::OlderThanHeld { .. } => "older_than_held",
        Reason::GoesBack { .. } => "goes_back",
        Reason::Unordered { .. } => "unordered",
        Reason::Superseded { .. } => "superseded",
        Reason::BehindRejected { .. } => "behind_rejected",
        Reason::NotSelected { .. } => "not_selected",
        Reason::InPlace { .. } => "in_place",
        Reason::WasInPlace { .. } => "was_in_place",
        Reason::Ready => "ready",
        Reason::Proposed { .. } => "proposed",
        Reason::Pinned { .. } => "pinned",
        Reason::NeverSeen { .. } => "never_seen",
        Reason::TagGone => "tag_gone",
        Reason::DigestGone { .. } => "digest_gone",
        Reason::DigestUnseen { .. } => "digest_unseen",
        Reason::ReportsLost { .. } => "reports_lost",
        Reason::NothingNewer => "nothing_newer",
        Reason::NewerUpstream { .. } => "newer_upstream",
        Reason::NoBuild { .. } => "no_build",
        Reason::NotTogether { .. } => "not_together",
        Reason::ListIncomplete { .. } => "list_incomplete",
        Reason::UnknownContents { .. } => "unknown_contents",
        Reason::Broken { .. } => "broken",
        Reason::NotConfigured { .. } => "not_configured",
        Reason::TakenOver { .. } => "taken_over",
        Reason::ForgeSilent => "forge_silent",
        Reason::GitSilent => "git_silent",
        Reason::WriteRefused { .. } => "write_refused",
    }
}

/// What a reason's block is given.
pub(super) fn values(reason: &Reason) -> Value {
    match reason {
        Reason::Broken { problem } => {
            let owner = Value::from(Serde(problem.owner));
            values! { where => place_of(problem), message => problem.message, owner }
        }
        // A time that is not known leaves its key out; the block asks for it.
        _ => Value::from(Serde(reason)),
    }
}

/// Where a problem is, if it is in a file: `path:line:column`.
fn place_of(problem: &Problem) -> Option<String> {
    let numbers = [problem.line, problem.column].into_iter().flatten();
    let file = problem.file.clone()?;
    Some(numbers.fold(file, |place, number| format!("{place}:{number}")))
}

/// A clause as a sentence of its own.
pub(super) fn sentence(clause: &str) -> String {
    let mut letters = clause.trim().chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    ended(&format!("{first}{}", letters.as_str()))
}

/// A sentence that begins with a name, which is written as it is.
pub(super) fn ended(clause: &str) -> String {
    let clause = clause.trim();
    let stop = if clause.is_empty() || clause.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{clause}{stop}")
}

impl Renderer {
    /// A reason as a clause, to stand within a sentence.
    pub(super) fn clause(&self, reason: &Reason) -> String {
        self.block("reasons.txt", kind(reason), &values(reason))
    }

    /// A reason as one sentence, which says who must act, where somebody must.
    #[must_use]
    pub fn reason(&self, reason: &Reason) -> String {
        sentence(&self.clause(reason))
    }

    /// An open proposal that belongs to nothing any more, as one sentence.
    #[must_use]
    pub fn left_over(&self, number: ProposalNumber, reason: &Reason) -> String {
        let values = values! { proposal => number, why => self.clause(reason) };
        sentence(&self.block("standings.txt", "left_over", &values))
    }

    /// Why a gate says what it says, as one sentence.
    #[must_use]
    pub fn gate(&self, verdict: &GateVerdict) -> String {
        self.reason(&verdict.reason)
    }

    /// What comes next for an application in an environment, or why nothing does, as one sentence. Drift is
    /// told first, with author and commit.
    #[must_use]
    pub fn standing(&self, standing: &Standing) -> String {
        let mut clause = String::new();
        match &standing.put {
            Put::Drift { commit, by, claimed } => {
                let held = standing.version();
                let values = values! { held, by => by.name, commit => commit.as_str(), claimed };
                clause = self.block("standings.txt", "drift", &values);
                clause.push(' ');
            }
            Put::Found { by, at, commit: _ } => {
                clause = self.block("standings.txt", "found", &values! { by => by.name, at });
                clause.push(' ');
            }
            Put::Promotion { .. } | Put::Initial { .. } | Put::Config { .. } | Put::Unknown => {}
        }
        let mut next = standing.next.iter();
        match (&standing.problem, next.next(), standing.said().reason) {
            (None, Some(first), _) => {
                clause.push_str(&self.next(first));
                if let Some(then) = next.next() {
                    let values = values! { version => then.release.version() };
                    clause.push_str(&self.block("standings.txt", "then", &values));
                }
            }
            (_, _, Some(reason)) => clause.push_str(&self.clause(reason)),
            (_, _, None) => clause.push_str(&self.block("standings.txt", "quiet", &Value::from(()))),
        }
        if let Some((first, others)) = standing.notes.split_first() {
            let values = values! { where => place_of(first), message => first.message, more => others.len() };
            clause.push_str(&self.block("standings.txt", "noted", &values));
        }
        sentence(&clause)
    }

    fn next(&self, next: &Next) -> String {
        let holds = next.said().reason;
        let block = match (next.step.word(), next.proposal, holds) {
            // Without a number there is no proposal to speak of.
            ("proposed", None, _) => "waiting",
            // The reason names the proposal.
            ("proposed", Some(_), Some(Reason::NeedsApproval { .. })) => "waiting",
            (block, _, _) => block,
        };
        let why = holds.map(|reason| self.clause(reason));
        let values = values! { version => next.release.version(), proposal => next.proposal, why };
        self.block("standings.txt", block, &values)
    }

    /// How what an environment holds came there, as one sentence.
    #[must_use]
    pub fn put(&self, put: &Put) -> String {
        let (block, values) = match put {
            Put::Promotion { commit, by } => ("put_promotion", values! { commit => commit.as_str(), by }),
            Put::Initial { commit, by } => {
                ("put_initial", values! { commit => commit.as_str(), by => by.name })
            }
            Put::Drift { commit, by, claimed } => {
                ("put_drift", values! { commit => commit.as_str(), by => by.name, claimed })
            }
            Put::Found { commit, by, at } => {
                ("put_found", values! { commit => commit.as_str(), by => by.name, at })
            }
            Put::Config { commit, by } => {
                ("put_config", values! { commit => commit.as_str(), by => by.name })
            }
            Put::Unknown => ("put_unknown", Value::from(())),
        };
        sentence(&self.block("standings.txt", block, &values))
    }

    /// An approval, as one sentence.
    #[must_use]
    pub fn approval(&self, number: ProposalNumber, approval: &Approval) -> String {
        let Approval { by, head: _, at: _, reason } = approval;
        sentence(&self.block("standings.txt", "approval", &values! { proposal => number, by, reason }))
    }

    /// A rejection that is in force, as one sentence.
    #[must_use]
    pub fn rejection(&self, rejection: &Rejection) -> String {
        let Rejection { release: _, version: _, by, at: _, reason, proposal } = rejection;
        sentence(&self.block("standings.txt", "rejection", &values! { by, reason, proposal }))
    }

    /// The answer to `why`, as one sentence.
    #[must_use]
    pub fn why(&self, why: &Why) -> String {
        let block = match why.answer {
            Answer::InPlace => "in_place",
            Answer::OnItsWay => "on_its_way",
            Answer::Stopped => "stopped",
        };
        let since = why.reasons.iter().find_map(|reason| match reason {
            Reason::InPlace { since, .. } => *since,
            _ => None,
        });
        let at_least = matches!(why.reasons.first(), Some(Reason::InPlace { at_least: true, .. }));
        let reasons: Vec<String> = why.reasons.iter().map(|reason| self.clause(reason)).collect();
        let values = values! {
            application => why.place.application.as_str(),
            environment => why.place.environment.as_str(),
            version => why.version,
            at => why.at.as_ref().map(|at| at.as_str()),
            since,
            at_least,
            reasons,
        };
        ended(&self.block("why.txt", block, &values))
    }

    /// The steps of the answer, one sentence each, in their order.
    #[must_use]
    pub fn why_steps(&self, why: &Why) -> Vec<String> {
        let step = |environment: &str, reason: &Reason| {
            let values = values! { environment, why => self.clause(reason) };
            ended(&self.block("why.txt", "step", &values))
        };
        why.steps.iter().map(|at| step(at.environment.as_str(), &at.reason)).collect()
    }

    /// What is done or would be done, as one sentence.
    #[must_use]
    pub fn effect(&self, effect: &Effect) -> String {
        let place = effect.place();
        let (application, environment) = (place.application.as_str(), place.environment.as_str());
        let (block, values) = match effect {
            Effect::Commit { promotion } => {
                let change = self.change(promotion);
                ("commit", values! { change, environment, base => promotion.base.as_str() })
            }
            Effect::Propose { promotion, update, replaces: _, pushed: _ } => {
                ("propose", values! { change => self.change(promotion), environment, update })
            }
            Effect::Describe { promotion, proposal } => {
                ("describe", values! { change => self.change(promotion), environment, proposal })
            }
            Effect::Merge { place: _, proposal, head: _ } => {
                ("merge", values! { application, environment, proposal })
            }
            Effect::Close { place: _, proposal, because } => {
                ("close", values! { application, environment, proposal, why => self.clause(because) })
            }
            Effect::Prune { place: _, head: _ } => ("prune", values! { application, environment }),
            Effect::Rule {
                place: _,
                base: _,
                release: _,
                version,
                rejects,
                by,
                at: _,
                reason,
                proposal: _,
            } => ("rule", values! { application, environment, version, rejects, by, reason }),
            Effect::MoveRejections { place: _, base: _, rejections } => {
                ("move_rejections", values! { count => rejections.len() })
            }
        };
        sentence(&self.block("effects.txt", block, &values))
    }

    fn change(&self, promotion: &Promotion) -> String {
        let values = values! {
            application => promotion.place.application.as_str(),
            from => promotion.from_version,
            version => promotion.release.version(),
        };
        self.block("effects.txt", "change", &values)
    }

    /// The verdicts as statuses of a proposal's head: `gantry/<gate>`, with a description that fits every
    /// forge (140 characters, GitHub's limit).
    #[must_use]
    pub fn statuses(&self, verdicts: &[GateVerdict]) -> Vec<HeadStatus> {
        let status = |verdict: &GateVerdict| HeadStatus {
            context: format!("gantry/{}", verdict.gate),
            state: match verdict.verdict {
                Verdict::Pass => "success",
                Verdict::Wait => "pending",
                Verdict::Fail => "failure",
            }
            .to_owned(),
            description: inert::cut(&self.gate(verdict), 140),
        };
        verdicts.iter().map(status).collect()
    }
}
