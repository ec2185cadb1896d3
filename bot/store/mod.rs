//! The database: inbox, artifacts, audit, leases; and the board of what was last seen.

pub mod board;
