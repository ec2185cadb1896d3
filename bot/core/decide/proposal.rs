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
    standing::{Next, Standing, Step},
    view::Put,
};
use crate::{
    artifact::Release,
    config::types::Merge,
    effects::Effect,
    facts::{Proposal, ProposalBranch},
    gates::{self, GateVerdict, Verdict},
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
        let because = Reason::InPlace { since: context.present.since };
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
    let position = context.considered.iter().position(|considered| considered.release.id == release.id);
    if let Some(target) = target
        && target.considered.release.id != release.id
        && supersedes(context, target, position, record.by.is_some())
    {
        propose(context, target, Some(branch), Some(proposal), standing, effects);
        return;
    }
    if let Some(because) = pointless(context, &release, position) {
        effects.push(Effect::Close { place: context.place.clone(), proposal: proposal.number, because });
        return;
    }
    let stays = candidates::stays(&context.view, context.stage, &release.id);
    let gates = candidates::verdicts(&context.view, context.stage, &release, &stays);
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
    ask_merge(context, proposal, promotion, standing, effects);
}

/// The proposal is in order: say what the gates say, and merge it when all of them pass.
fn ask_merge(
    context: &Context<'_>,
    proposal: &Proposal,
    mut promotion: crate::effects::Promotion,
    standing: &mut Standing,
    effects: &mut Vec<Effect>,
) {
    let passed = gates::all_pass(&promotion.gates);
    let merge = merge_verdict(context.stage.merge, proposal);
    let go = passed && merge.verdict == Verdict::Pass;
    promotion.gates.push(merge);
    let refused = context.refused(&promotion.release.id);
    standing.next.push(Next {
        release: promotion.release.clone(),
        step: match (go, &refused) {
            (true, None) => Step::Merging,
            (true, Some(_)) => Step::Stopped,
            (false, _) => Step::Proposed,
        },
        gates: promotion.gates.clone(),
        reason: refused.clone(),
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
    let by: Vec<String> = proposal
        .approvals
        .iter()
        .filter(|approval| approval.head == proposal.head)
        .map(|approval| approval.by.clone())
        .collect();
    match merge {
        Merge::Auto => GateVerdict::new("merge", Verdict::Pass, Reason::MergesItself),
        Merge::Manual if by.is_empty() => {
            let reason = Reason::NeedsApproval { proposal: Some(proposal.number) };
            GateVerdict::new("merge", Verdict::Wait, reason)
        }
        Merge::Manual => GateVerdict::new("merge", Verdict::Pass, Reason::Approved { by }),
    }
}

/// Why an open proposal serves nothing any more.
fn pointless(context: &Context<'_>, release: &Release, position: Option<usize>) -> Option<Reason> {
    if let Some(rejected) = candidates::rejection(&context.view, &context.place, &release.id) {
        return Some(rejected);
    }
    match position.and_then(|position| context.considered.get(position)) {
        Some(Considered {
            refused: Some(reason @ (Reason::Withdrawn { .. } | Reason::OlderThanHeld { .. })),
            ..
        }) => Some(reason.clone()),
        // A person changed the config that it would write: theirs stays until something newer comes.
        Some(Considered { refused: Some(reason @ Reason::Unordered { .. }), release, .. })
            if release.config.is_some() && matches!(context.present.put, Put::Drift { .. }) =>
        {
            Some(reason.clone())
        }
        Some(_) => None,
        None => {
            let order = order::compare(context.view.application, release, Came::default(), &context.present);
            let held = context.present.release.map(Release::version).unwrap_or_default();
            (order == Order::Older).then_some(Reason::OlderThanHeld { held })
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
        branch.current && branch.record.as_ref().is_some_and(|record| record.release == release.id)
    });
    effects.push(Effect::Propose {
        promotion: context.promotion(release, target.considered.gates.clone(), target.request),
        update,
        replaces: branch.map(|branch| branch.head.clone()),
        pushed,
    });
}
