//! The database: inbox, artifacts, audit, leases.
