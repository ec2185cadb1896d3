//! Infra repositories: a resident bare mirror, commits built in memory, one push.
//!
//! [`Mirror`] is the way in. It fetches all branches of a [`Remote`], reads files and history at a commit
//! ([`Snapshot`], [`Mirror::log`]), builds commits without a work tree ([`Draft`], [`Drafting`]) and pushes
//! them ([`Drafting::push`], [`Mirror::push`]) with compare-and-swap on each branch. Everything here blocks: callers are on
//! a thread for blocking work.
//!
//! Promises:
//! - A push never overwrites what it did not see: each branch carries the id it must still have
//!   (DESIGN.md, promise 6). A lost race is told from a refusal by reading the branch again, never by words.
//! - Nothing of the host's Git acts on the mirror: no configuration, no hooks, no credential helpers.
//! - A mirror that is missing, damaged, left half-written by a kill, or made for another URL is made anew.
//! - Secrets stay out of URLs, arguments, errors and logs.
//! - Where the settings name a signing key, no commit is made without its signature.
//!
//! A mirror is never shallow: arrivals, rejections and merge bases are read from the whole first-parent
//! history, and a rejection beyond the edge of a shallow one would be promoted again.
//!
//! Races known: two processes must not share a mirror's folder (a lock refuses the second). A branch that
//! moved while its push was refused for another reason counts as a lost race; the next try tells.

mod address;
mod ahead;
mod ancestry;
mod borrowed;
mod capture;
mod changed;
mod connect;
mod delta;
mod draft;
mod each;
mod error;
mod exchange;
mod fetch;
mod folder;
mod git_program;
mod helper;
mod history;
mod http;
mod ids;
mod keep;
mod kept;
mod line;
mod listing;
mod lists;
mod maintain;
mod mirror;
mod negotiate;
mod pack;
mod pack_file;
mod paths;
mod process;
mod push;
mod remote;
mod reply;
mod search;
mod send_pack;
mod series;
mod sign;
mod snapshot;
mod steps;
pub mod trailers;
mod wallet;

pub use borrowed::Borrowed;
pub use draft::{Draft, Drafting};
pub use each::Reader;
pub use error::GitError;
pub use helper::CredentialHelper;
pub use history::{CommitInfo, Person};
pub use ids::BlobId;
pub use line::{Line, Lines, Own};
pub use maintain::Limits;
pub use mirror::{Heads, Mirror};
pub use push::{RefOutcome, RefResult, RefUpdate};
pub use remote::{Credentials, Proxy, PushMethod, Remote};
pub use sign::{Signing, SigningKey};
pub use snapshot::{File, Kind, Listed, MAX_FILE, Snapshot, is_lfs_pointer};
pub use steps::Changed;
pub use steps::{End, Paths, Step, Steps};
