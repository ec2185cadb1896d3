//! The loop that joins observe, decide and act.
