//! A small client of the OCI distribution API.
