//! The only place where randomness is drawn.

/// `bytes` random bytes from the system, as hexadecimal digits.
///
/// # Panics
/// If the system has no randomness, without which no secret can be made.
#[must_use]
pub fn hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    fill(&mut buffer);
    ::hex::encode(buffer)
}

/// Fills the buffer with random bytes from the system.
///
/// # Panics
/// If the system has no randomness, without which no secret can be made.
pub fn fill(buffer: &mut [u8]) {
    if let Err(error) = getrandom::fill(buffer) {
        panic!("the system gives no random numbers: {error}");
    }
}
