//! Delivery by proposal: open one, keep it up to date, merge it, close it.
//!
//! One branch and one open proposal for each place, updated in place (LESSONS: kargo #3108). What the branch
//! holds is read back from Git and the proposal from the forge, so each step finds out where the one before
//! it ended: a branch without a proposal gets one, a proposal whose text is behind its branch is described
//! again. A branch that a person committed to is left alone (promise 6).

use super::{
    candidates::{self, Considered},
    context::{Context, Target},
    order::{self, Came, Order},
    put::Put,
    rejected::rejection,
    standing::{Next, Standing, Step},
};
use crate::{
    artifact::Release,
    config::types::Merge,
    effects::Effect,
    facts::{Proposal, ProposalBranch, Record},
    gates::{self, GateVerdict, Verdict},
    ids::{CommitId, EnvironmentName},
    reason::Reason,
};

pub(super) fn decide(
    context: &Context<'_>,
    target: Option<Target<'_>>,
    standing: &mut Standing,
    effects: &mut Vec<Effect>,
) {
    let facts = context.view.facts;
    let branch = facts.branches.get(&context.place);
    match (facts.open_proposal(&context.place), branch) {
        // The branch is gone and the forge doesn't know it yet: its next answer will say closed or merged.
        (Some(_), None) => {}
        (Some(proposal), Some(branch)) => open(context, proposal, branch, target, standing, effects),
        (None, branch) => match target {
            Some(target) => propose(context, target, branch, None, standing, effects),
            None => {
                if let Some(branch) = branch.filter(|branch| branch.foreign.is_none()) {
                    effects.push(Effect::Prune { place: context.place.clone(), head: branch.head.clone() });
                }
            }
        },
    }
}

fn open(
    context: &Context<'_>,
    proposal: &Proposal,
    branch: &ProposalBranch,
    target: Option<Target<'_>>,
    standing: &mut Standing,
    effects: &mut Vec<Effect>,
) {
    let Some(record) = &branch.record else {
        // Without our trailers at its head it isn't ours to write to.
        if let Some((commit, by)) = &branch.foreign {
            standing.problem = Some(Reason::TakenOver { by: by.name.clone(), commit: commit.clone() });
        }
        return;
    };
    let release = record.release();
    if context.present.release.is_some_and(|present| present.id == release.id) {
        let because = context.in_place();
        effects.push(Effect::Close { place: context.place.clone(), proposal: proposal.number, because });
        return;
    }
    if let Some((commit, by)) = &branch.foreign {
        let reason = Reason::TakenOver { by: by.name.clone(), commit: commit.clone() };
        standing.next.push(Next {
            release,
            step: Step::Stopped,
            gates: Vec::new(),
            reason: Some(reason),
            proposal: Some(proposal.number),
        });
        return;
    }
    let position = position(context, &release);
    let pointless = pointless(context, branch);
    if let Some(target) = target {
        let same = target.considered.release.id == release.id;
        let lifts = same && target.request.is_some() && pointless.is_some();
        if lifts || (!same && supersedes(context, target, position, record.by.is_some())) {
            propose(context, target, Some(branch), Some(proposal), standing, effects);
            return;
        }
    }
    if let Some(because) = pointless {
        effects.push(Effect::Close { place: context.place.clone(), proposal: proposal.number, because });
        return;
    }
    let gates = gates_of(context, record);
    let mut promotion = context.promotion(&release, gates, None);
    promotion.by.clone_from(&record.by);
    let pushed = branch.current && proposal.head == branch.head;
    if !pushed || proposal.release.as_ref() != Some(&release.id) {
        if let Some(reason) = context.refused(&release.id) {
            standing.problem = Some(reason);
            return;
        }
        let (update, replaces) = (Some(proposal.number), Some(branch.head.clone()));
        standing.next.push(Next {
            release,
            step: Step::Writing,
            gates: promotion.gates.clone(),
            reason: None,
            proposal: update,
        });
        effects.push(Effect::Propose { promotion, update, replaces, pushed: branch.current });
        return;
    }
    let held_back = held_back(context, record, position);
    ask_merge(context, proposal, promotion, held_back, standing, effects);
}

fn position(context: &Context<'_>, release: &Release) -> Option<usize> {
    context.considered.iter().position(|considered| considered.release.id == release.id)
}

/// What the gates say of what a branch brings. Who asked for it by name vouches for reports that are lost.
fn gates_of(context: &Context<'_>, record: &Record) -> Vec<GateVerdict> {
    let release = record.release();
    let stays = candidates::stays(&context.view, context.stage, &release.id);
    let skipped = candidates::skipped(&context.view, context.stage, &release);
    let mut gates = candidates::verdicts(&context.view, context.stage, &release, &stays, &skipped);
    gates.retain(|gate| record.by.is_none() || gate.gate != gates::reports::GATE);
    gates
}

/// Why Gantry does not merge what nobody asked for: it was never promoted where it comes from.
fn held_back(context: &Context<'_>, record: &Record, position: Option<usize>) -> Option<Reason> {
    let refused = context.considered.get(position?)?.refused.as_ref();
    Some(match refused.filter(|reason| record.by.is_none() && is_uncounted(reason))?.clone() {
        // Where nothing is proposed it is no fault; an open proposal waits for somebody.
        Reason::NeverPromoted { environment, by, commit, version: _ } => {
            Reason::NotPromoted { environment, by, commit, claimed: false }
        }
        reason => reason,
    })
}

fn is_uncounted(reason: &Reason) -> bool {
    matches!(reason, Reason::NotPromoted { .. } | Reason::NeverPromoted { .. } | Reason::HistoryUnread { .. })
}

/// The open proposal as it was last known, while the forge does not answer.
pub(super) fn last_known(context: &Context<'_>) -> Option<Next> {
    let facts = context.view.facts;
    let proposal = facts.open_proposal(&context.place)?;
    let record = facts.branches.get(&context.place)?.record.as_ref()?;
    if context.present.release.is_some_and(|present| present.id == record.release) {
        return None;
    }
    Some(Next {
        release: record.release(),
        step: Step::Stopped,
        gates: gates_of(context, record),
        reason: Some(Reason::ForgeSilent),
        proposal: Some(proposal.number),
    })
}

/// The proposal is in order: say what the gates say, and merge it when all of them pass.
fn ask_merge(
    context: &Context<'_>,
    proposal: &Proposal,
    mut promotion: crate::effects::Promotion,
    held_back: Option<Reason>,
    standing: &mut Standing,
    effects: &mut Vec<Effect>,
) {
    let passed = gates::all_pass(&promotion.gates);
    let merge = merge_verdict(context.stage.merge, proposal);
    let go = passed && merge.verdict == Verdict::Pass && held_back.is_none();
    promotion.gates.push(merge);
    let refused = context.refused(&promotion.release.id).filter(|_| go);
    let reason = held_back.or_else(|| refused.clone());
    standing.next.push(Next {
        release: promotion.release.clone(),
        step: match (go, Step::before(reason.as_ref(), &promotion.gates)) {
            (_, Step::Stopped) => Step::Stopped,
            (true, _) => Step::Merging,
            (false, _) => Step::Proposed,
        },
        gates: promotion.gates.clone(),
        reason,
        proposal: Some(proposal.number),
    });
    effects.push(Effect::Describe { promotion, proposal: proposal.number });
    match refused {
        Some(reason) => standing.problem = Some(reason),
        None if go => effects.push(Effect::Merge {
            place: context.place.clone(),
            proposal: proposal.number,
            head: proposal.head.clone(),
        }),
        None => {}
    }
}

/// Who merges. An approval counts for the head that was approved only.
fn merge_verdict(merge: Merge, proposal: &Proposal) -> GateVerdict {
    let given = || proposal.approvals.iter().filter(|approval| approval.head == proposal.head);
    let by: Vec<String> = given().map(|approval| approval.by.clone()).collect();
    let why = given().map(|approval| approval.reason.clone()).filter(|why| !why.is_empty()).collect();
    match merge {
        Merge::Auto => GateVerdict::new("merge", Verdict::Pass, Reason::MergesItself),
        Merge::Manual if by.is_empty() => {
            let reason = Reason::NeedsApproval { proposal: Some(proposal.number) };
            GateVerdict::new("merge", Verdict::Wait, reason)
        }
        Merge::Manual => GateVerdict::new("merge", Verdict::Pass, Reason::Approved { by, why }),
    }
}

/// Why an open proposal of this branch serves nothing any more. What a person asked for stays, until somebody
/// says otherwise later than they did.
pub(super) fn pointless(context: &Context<'_>, branch: &ProposalBranch) -> Option<Reason> {
    let record = branch.record.as_ref()?;
    let release = record.release();
    if let Some(rejected) = rejection(&context.view, &context.stage.name, &release) {
        return Some(rejected.reason);
    }
    let later = |environment: &EnvironmentName, commit: &CommitId| {
        let visits = context.view.visits(environment);
        let arrival =
            visits.iter().filter_map(|visit| visit.arrival).find(|arrival| arrival.commit == *commit);
        // Built on what the commit left, or by its own date before: it was known to who asked.
        arrival.is_none_or(|said| said.since > branch.at && (!branch.current || said.at > branch.at))
    };
    match position(context, &release).and_then(|position| context.considered.get(position)) {
        Some(Considered { refused: Some(reason @ Reason::OlderThanHeld { .. }), .. }) => Some(reason.clone()),
        Some(Considered {
            refused:
                Some(
                    reason @ (Reason::Withdrawn { environment, commit, .. }
                    | Reason::TakenBack { environment, commit, .. }),
                ),
            ..
        }) => (record.by.is_none() || later(environment, commit)).then(|| reason.clone()),
        // A person changed the config that it would write: theirs stays until something newer comes.
        Some(Considered { refused: Some(reason @ Reason::Unordered { .. }), release, .. })
            if release.config.is_some() && matches!(context.present.put, Put::Drift { .. }) =>
        {
            Some(reason.clone())
        }
        Some(_) => None,
        None => {
            let view = &context.view;
            let compared = order::compare(view.application, &release, Came::default(), &context.present);
            let held = context.present.release.map(Release::version).unwrap_or_default();
            (compared.order == Order::Older).then_some(Reason::OlderThanHeld { held, order: compared.by })
        }
    }
}

/// `considered` stands before position `own` in the list, which is newest first.
fn is_before(context: &Context<'_>, considered: &Considered, own: usize) -> bool {
    context.considered.iter().position(|c| c.release.id == considered.release.id).is_some_and(|i| i < own)
}

/// Whether a ready release takes the place of the one that is proposed: a newer one does, unless a person
/// asked for the older; what a person asks for always does.
fn supersedes(context: &Context<'_>, target: Target<'_>, own: Option<usize>, pinned: bool) -> bool {
    target.request.is_some() || (!pinned && own.is_none_or(|own| is_before(context, target.considered, own)))
}

fn propose(
    context: &Context<'_>,
    target: Target<'_>,
    branch: Option<&ProposalBranch>,
    open: Option<&Proposal>,
    standing: &mut Standing,
    effects: &mut Vec<Effect>,
) {
    let release = &target.considered.release;
    let update = open.map(|proposal| proposal.number);
    let taken = branch.and_then(|branch| branch.foreign.as_ref());
    let stop = match taken {
        Some((commit, by)) => Some(Reason::TakenOver { by: by.name.clone(), commit: commit.clone() }),
        None => context.refused(&release.id),
    };
    standing.next.push(Next {
        release: release.clone(),
        step: if stop.is_some() { Step::Stopped } else { Step::Writing },
        gates: target.considered.gates.clone(),
        reason: stop.clone(),
        proposal: update,
    });
    if let Some(reason) = stop {
        standing.problem = Some(reason);
        return;
    }
    let pushed = branch.is_some_and(|branch| {
        let is_it = |record: &Record| match target.request {
            // A commit that says who asked, and that nobody spoke against since.
            Some(request) => record.by.as_ref() == Some(&request.by) && pointless(context, branch).is_none(),
            None => true,
        };
        let record = branch.record.as_ref().filter(|record| record.release == release.id);
        branch.current && record.is_some_and(is_it)
    });
    effects.push(Effect::Propose {
        promotion: context.promotion(release, target.considered.gates.clone(), target.request),
        update,
        replaces: branch.map(|branch| branch.head.clone()),
        pushed,
    });
}
