//! Parts that several stories use.
