//! What comes from outside, checked and parsed.
