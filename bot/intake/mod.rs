//! What comes from outside, checked and parsed; pure.

pub mod request;
