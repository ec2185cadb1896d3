//! The forge's part of effects: opening and describing proposals, their statuses, merging and closing them.

use std::sync::Arc;

use gantry_core::{
    config::pipeline::Pipeline,
    decide::decide_place,
    effects::{Effect, Promotion},
    facts::{Facts, Place, Proposal},
    ids::{CommitId, ProposalNumber, ReleaseId},
    reason::Owner,
};

use super::{Actor, change, edits};
use crate::{
    forge::{Draft, ForgeError, Merged, Presented},
    git::Mirror,
    speak::ProposalText,
};

/// What a decision was made on.
#[derive(Clone)]
pub(super) struct Basis {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) facts: Arc<Facts>,
}

/// What one place wants of the forge.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) place: Place,
    /// In this order.
    pub(super) effects: Vec<Effect>,
    /// The head of the branch that was pushed for a proposal.
    pub(super) head: Option<CommitId>,
    pub(super) basis: Basis,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is so, by this call or before it.
    So {
        /// Whether this call changed anything.
        changed: bool,
    },
    /// Something moved: the next look decides anew.
    Moved,
    /// The forge does not allow it for this release.
    Refused(ReleaseId, String, Owner),
    /// The forge can't be talked to.
    Failed(ForgeError),
}

/// A text and statuses that are to be there, and for which task; none where they are.
type Wanted = (usize, Option<Presented>);

impl Actor {
    /// Makes it so for each task. The answers are in their order.
    pub(super) async fn make_so(&self, tasks: &[Task]) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = tasks.iter().map(|_| Outcome::So { changed: false }).collect();
        let mut wanted: Vec<Wanted> = Vec::new();
        let said: Vec<(usize, &Task, &Effect, &Promotion)> = tasks
            .iter()
            .enumerate()
            .flat_map(|(index, task)| task.effects.iter().map(move |effect| (index, task, effect)))
            .filter_map(|(index, task, effect)| match effect {
                Effect::Propose { promotion, .. } | Effect::Describe { promotion, .. } => {
                    Some((index, task, effect, promotion))
                }
                _ => None,
            })
            .collect();
        let of_texts = said.iter().map(|(_, task, _, promotion)| (task.basis.clone(), (*promotion).clone()));
        let diffs = diffs(&self.mirror, of_texts.collect()).await;
        for ((index, task, effect, _), diff) in said.into_iter().zip(diffs) {
            let diff = diff.unwrap_or_default();
            wanted.extend(self.presented(task, effect, &diff).map(|presented| (index, presented)));
        }
        let (indices, all): (Vec<usize>, Vec<Presented>) =
            wanted.into_iter().filter_map(|(index, presented)| Some((index, presented?))).unzip();
        if !all.is_empty() {
            for (index, answer) in indices.into_iter().zip(self.forge.present(&all).await) {
                outcomes[index] = match answer {
                    Ok(_) => Outcome::So { changed: true },
                    Err(error) => failed(&tasks[index], error),
                };
            }
        }
        for (task, outcome) in tasks.iter().zip(&mut outcomes) {
            for effect in &task.effects {
                if matches!(outcome, Outcome::So { .. })
                    && let Some(came) = self.end(task, effect).await
                {
                    *outcome = came;
                }
            }
        }
        outcomes
    }

    /// What a proposal is to say. `None` for other effects.
    fn presented(&self, task: &Task, effect: &Effect, diff: &str) -> Option<Option<Presented>> {
        match effect {
            Effect::Propose { promotion, update, .. } => {
                let head = task.head.as_ref()?;
                let draft = self.draft(&task.basis, promotion, *update, head, diff);
                let statuses = self.renderer.statuses(&promotion.gates);
                Some(Some(Presented { number: *update, draft, text: true, statuses: Some(statuses) }))
            }
            Effect::Describe { promotion, proposal } => {
                let open = task.basis.facts.open_proposal(&promotion.place)?;
                let draft = self.draft(&task.basis, promotion, Some(*proposal), &open.head, diff);
                let mut statuses = self.renderer.statuses(&promotion.gates);
                statuses.sort();
                let mut present = open.statuses.clone();
                present.sort();
                let text = open.title != draft.title || open.body != draft.body;
                let statuses = (present != statuses).then_some(statuses);
                let some = text || statuses.is_some();
                Some(some.then_some(Presented { number: Some(*proposal), draft, text, statuses }))
            }
            _ => None,
        }
    }

    /// What the proposal is to say.
    fn draft(
        &self,
        basis: &Basis,
        promotion: &Promotion,
        number: Option<ProposalNumber>,
        head: &CommitId,
        diff: &str,
    ) -> Draft {
        let Basis { pipeline, facts } = basis;
        let Place { application, environment } = &promotion.place;
        let source = pipeline.applications.get(application).and_then(|one| one.source.as_deref());
        let decided = decide_place(pipeline, facts, self.clock.now(), application, environment);
        let from = decided.and_then(|decided| decided.standing.release);
        let text = ProposalText { promotion, number, from: from.as_ref(), source, diff };
        let (title, body) = self.renderer.proposal(&text);
        Draft {
            place: promotion.place.clone(),
            branch: promotion.place.branch(),
            head: head.clone(),
            base: promotion.base.clone(),
            release: promotion.release.id.clone(),
            title,
            body,
        }
    }

    /// Merges or closes. `None` for other effects.
    async fn end(&self, task: &Task, effect: &Effect) -> Option<Outcome> {
        match effect {
            // Those of a forge that merges by Git were pushed.
            Effect::Merge { .. } if self.forge.merges_by_git().is_some() => None,
            Effect::Merge { place, proposal, head } => Some(match self.forge.merge(*proposal, head).await {
                Ok(Merged::Yes { .. }) => Outcome::So { changed: true },
                Ok(Merged::Moved) => Outcome::Moved,
                Ok(Merged::Refused { message }) => match open_release(&task.basis.facts, place, *proposal) {
                    Some(release) => Outcome::Refused(release, message, Owner::Platform),
                    None => Outcome::Moved,
                },
                Err(error) => failed(task, error),
            }),
            Effect::Close { proposal, because, .. } => {
                let comment = self.renderer.close_comment(because);
                Some(match self.forge.close(*proposal, &comment).await {
                    Ok(()) => Outcome::So { changed: true },
                    Err(error) => failed(task, error),
                })
            }
            _ => None,
        }
    }
}

/// The exact differences that promotions make on the present heads of their branches, in their order, or why one
/// can't be told.
pub(super) async fn diffs(
    mirror: &Arc<Mirror>,
    promotions: Vec<(Basis, Promotion)>,
) -> Vec<Result<String, String>> {
    let (mirror, count) = (Arc::clone(mirror), promotions.len());
    let work = move || {
        mirror.each(&promotions, |reader, (Basis { pipeline, facts }, promotion)| {
            let head = facts.heads.get(&promotion.base);
            let head = head.ok_or_else(|| format!("there is no branch {}", promotion.base))?;
            let changes = edits::of(&mirror, pipeline, facts, promotion, &mut |path| reader.read(head, path));
            match changes {
                Ok(Ok(changes)) => Ok(change::unified(&changes)),
                Ok(Err(problem)) => Err(problem.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(diffs) => diffs,
        Err(error) => (0..count).map(|_| Err(error.to_string())).collect(),
    }
}

/// What can't be done as it was asked is refused for its release; everything else may work later.
fn failed(task: &Task, error: ForgeError) -> Outcome {
    let release = task.effects.iter().find_map(|effect| match effect {
        Effect::Propose { promotion, .. } => Some(promotion.release.id.clone()),
        _ => None,
    });
    match (error, release) {
        (error @ ForgeError::Invalid { .. }, Some(release)) => {
            Outcome::Refused(release, error.to_string(), Owner::Platform)
        }
        (error, _) => Outcome::Failed(error),
    }
}

/// The release of a place's open proposal of that number.
pub(super) fn open_release(facts: &Facts, place: &Place, number: ProposalNumber) -> Option<ReleaseId> {
    let same = |proposal: &&Proposal| proposal.number == number;
    facts.open_proposal(place).filter(same).and_then(|proposal| proposal.release.clone())
}
