//! The only place where randomness is drawn.

/// `bytes` random bytes from the system, as hexadecimal digits.
///
/// # Panics
/// If the system has no randomness, without which no secret can be made.
#[must_use]
pub fn hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    match getrandom::fill(&mut buffer) {
        Ok(()) => ::hex::encode(buffer),
        Err(error) => panic!("the system gives no random numbers: {error}"),
    }
}
