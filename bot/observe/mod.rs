//! Reads the world into facts.
