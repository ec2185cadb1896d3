//! Byte-exact edits of image references: locate, splice, verify.
