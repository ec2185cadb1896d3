//! What is said, as snapshots, and what templates of a folder may do.
