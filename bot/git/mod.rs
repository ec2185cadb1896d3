//! Infra repositories: a resident bare mirror, commits built in memory, one push.
