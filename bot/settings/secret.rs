//! A secret: a password, a token or a key, read from the environment or from a file.
//!
//! Promise 9 (secrets stay secret) is kept by what this type cannot do: it has no `Debug`, `Display`,
//! `Serialize` or `Clone`, so it cannot slip into a log line, an error, an answer or a second place in
//! memory. The only way to the text is [`Secret::expose`], which is easy to search for in a review.

use zeroize::Zeroize;

/// A text that must never be shown. Its memory is overwritten when it is dropped.
pub struct Secret(String);

impl Secret {
    /// Takes the text over; no copy of it is left behind.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
