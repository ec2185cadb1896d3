//! Short errands to a program: bytes in, bytes out, and its end.
//!
//! Promises: no shell; what goes in and comes out is wiped when dropped; the answer is bounded, and so is the
//! time, also where the program leaves a helper behind that holds its pipes open.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    sync::mpsc::channel,
    thread,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{
    connect::Deadline,
    process::{self, Outcome},
};

/// How long the output of a program that has ended is waited for.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// What a program gave.
pub(super) struct Captured {
    /// What it wrote on stdout.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// How it ended.
    pub(super) outcome: Outcome,
}

/// Runs a program to its end, feeds it `input` and takes at most `largest` bytes from it.
///
/// # Errors
/// Why there is no whole answer: it did not start, or wrote too much. How it ended is the caller's to judge.
pub(super) fn run(
    mut command: Command,
    input: Zeroizing<Vec<u8>>,
    largest: u64,
    deadline: Deadline,
) -> Result<Captured, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let (mut child, start) = process::spawn(&mut command, deadline)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let watch = start.over(child);
    let (given, taken) = channel();
    thread::spawn(move || {
        // The program need not read it all; that it did not shows in its answer.
        let _ = stdin.map(|mut stdin| stdin.write_all(&input));
    });
    thread::spawn(move || {
        // At once as large as it may come to be: growing would leave a copy behind that nobody wipes.
        let room = usize::try_from(largest).unwrap_or(usize::MAX).saturating_add(33);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        let read = stdout.map(|stdout| stdout.take(largest + 1).read_to_end(&mut bytes));
        // Who asked may have given up.
        let _ = given.send(read.transpose().map(|_| bytes));
    });
    let outcome = watch.wait();
    let bytes = match taken.recv_timeout(LAST_BYTES) {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(format!("its output cannot be read: {error}")),
        // Only an answer that ended is one: half of it is none.
        Err(_) => Zeroizing::new(Vec::new()),
    };
    if bytes.len() as u64 > largest {
        return Err(format!("it wrote more than {largest} bytes"));
    }
    Ok(Captured { bytes, outcome })
}
