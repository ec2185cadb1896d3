//! What one commit has over another, and where the two parted, by steps along parents.
//!
//! Both histories are walked side by side, one commit of each in turn, until all that is left to walk is known to
//! belong to both. That takes as many steps as it is from the two to where they parted, whatever stands behind it.
//! Dates of commits decide nothing here: they are what whoever commits wants them to be, and a walk that goes by
//! them reads the whole history where they lie.

use std::collections::{HashMap, HashSet, VecDeque};

use gix::{ObjectId, objs::FindExt as _};

use super::{error::GitError, mirror::Mirror};

/// How many commits of both are walked after all others. A commit of both that stands further behind, and was
/// reached from one side alone, is told as that side's own: it costs whoever asks a second look at it, no more.
const BEHIND: usize = 256;

/// A commit that was seen on the way.
#[derive(Debug, Default)]
struct Node {
    /// It is, or comes before, the commit whose own part is asked for.
    ours: bool,
    /// It is, or comes before, the other one.
    theirs: bool,
    /// Its parents, once they were read.
    parents: Option<Vec<ObjectId>>,
}

/// What one commit has over another.
#[derive(Debug)]
pub(super) struct Difference {
    /// Its commits that the other has not, nearest first.
    pub(super) own: Vec<ObjectId>,
    /// The commits of both that stand right behind them. The best common ancestors are among these.
    pub(super) boundary: Vec<ObjectId>,
}

/// Whose a commit is, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
    Both,
}

impl Node {
    fn side(&self) -> Side {
        match (self.ours, self.theirs) {
            (true, true) => Side::Both,
            (true, false) => Side::Ours,
            (false, _) => Side::Theirs,
        }
    }
}

struct Walk<'a> {
    mirror: &'a Mirror,
    repository: &'a gix::Repository,
    nodes: HashMap<ObjectId, Node>,
    /// In the order in which they were reached.
    ours: Vec<ObjectId>,
    /// Where the walks go on: from ours, from theirs, and from what is of both. A commit may have come to be of
    /// both since it was put here.
    next: [VecDeque<ObjectId>; 3],
    /// How many commits that are known as ours alone, and as theirs alone, were not walked yet.
    open: [usize; 2],
    buffer: Vec<u8>,
}

impl Mirror {
    /// What the commits of `ours` have over those of `theirs`.
    pub(super) fn difference(
        &self,
        repository: &gix::Repository,
        ours: &[ObjectId],
        theirs: &[ObjectId],
    ) -> Result<Difference, GitError> {
        let mut walk = Walk::start(self, repository, ours, theirs);
        while walk.open != [0, 0] {
            for side in [Side::Ours, Side::Theirs, Side::Both] {
                walk.step(side)?;
            }
        }
        // A side branch that was merged late may have led past what the two share to something older, which looks
        // like one side's own until the walk from what they share gets there.
        for _ in 0..BEHIND {
            walk.step(Side::Both)?;
        }
        Ok(walk.finish(ours))
    }

    /// The same without the last certainty: a commit of `theirs` may be among the own ones, where it is nearer to
    /// `ours`. For many of `theirs`, which need not be walked all then.
    pub(super) fn rough_difference(
        &self,
        repository: &gix::Repository,
        ours: &[ObjectId],
        theirs: &[ObjectId],
    ) -> Result<Difference, GitError> {
        let mut walk = Walk::start(self, repository, ours, theirs);
        while walk.open[0] > 0 {
            walk.step(Side::Ours)?;
            walk.step(Side::Theirs)?;
        }
        Ok(walk.finish(ours))
    }
}

impl<'a> Walk<'a> {
    fn start(
        mirror: &'a Mirror,
        repository: &'a gix::Repository,
        ours: &[ObjectId],
        theirs: &[ObjectId],
    ) -> Self {
        let (nodes, buffer) = (HashMap::new(), Vec::new());
        let mut walk = Self {
            mirror,
            repository,
            nodes,
            ours: Vec::new(),
            next: Default::default(),
            open: [0, 0],
            buffer,
        };
        theirs.iter().for_each(|id| walk.reach(*id, Side::Theirs));
        ours.iter().for_each(|id| walk.reach(*id, Side::Ours));
        walk
    }

    /// Marks a commit as of a side, and with it all behind it that was walked already.
    fn reach(&mut self, id: ObjectId, side: Side) {
        let mut marked = vec![id];
        while let Some(id) = marked.pop() {
            let node = self.nodes.entry(id).or_default();
            let before = (node.ours || node.theirs).then(|| node.side());
            if side != Side::Theirs && !node.ours {
                self.ours.push(id);
            }
            node.ours |= side != Side::Theirs;
            node.theirs |= side != Side::Ours;
            let now = node.side();
            if before == Some(now) {
                continue;
            }
            match &node.parents {
                Some(parents) => marked.extend_from_slice(parents),
                None => {
                    if let Some(before @ (Side::Ours | Side::Theirs)) = before {
                        self.open[before as usize] -= 1;
                    }
                    if now != Side::Both {
                        self.open[now as usize] += 1;
                    }
                    self.next[now as usize].push_back(id);
                }
            }
        }
    }

    /// Walks one commit that is of this side.
    fn step(&mut self, side: Side) -> Result<(), GitError> {
        while let Some(id) = self.next[side as usize].pop_front() {
            let node = self.nodes.entry(id).or_default();
            if node.parents.is_some() || node.side() != side {
                continue;
            }
            let commit = self.repository.objects.find_commit_iter(&id, &mut self.buffer);
            let commit = commit.map_err(|error| self.mirror.damage(&error))?;
            let parents: Vec<ObjectId> = commit.parent_ids().collect();
            node.parents = Some(parents.clone());
            if side != Side::Both {
                self.open[side as usize] -= 1;
            }
            parents.into_iter().for_each(|parent| self.reach(parent, side));
            return Ok(());
        }
        Ok(())
    }

    fn finish(self, tips: &[ObjectId]) -> Difference {
        let (own, shared): (Vec<ObjectId>, Vec<ObjectId>) =
            self.ours.iter().partition(|id| !self.nodes.get(*id).is_some_and(|node| node.theirs));
        let parents = own.iter().filter_map(|id| self.nodes.get(id)?.parents.as_ref()).flatten();
        let parents: HashSet<ObjectId> = parents.copied().collect();
        let boundary = shared.into_iter().filter(|id| parents.contains(id) || tips.contains(id)).collect();
        Difference { own, boundary }
    }
}
