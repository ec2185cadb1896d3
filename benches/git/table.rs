//! The table that the benchmark prints.

use std::time::{Duration, Instant};

/// What was measured of one way.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    /// The median of the rounds.
    pub(crate) time: Duration,
    /// The median of what all processors worked for it, ours and the server's, which other work on the machine
    /// does not change.
    pub(crate) work: Option<Duration>,
    /// Bytes of the push's request, where they can be counted.
    pub(crate) sent: Option<u64>,
}

impl Measured {
    /// Whether it took less than so many seconds.
    pub(crate) fn under(&self, seconds: f64) -> bool {
        self.time.as_secs_f64() < seconds
    }
}

/// Prints row by row, and counts the targets that were missed.
pub(crate) struct Table {
    missed: usize,
}

impl Table {
    pub(crate) fn new(rounds: usize, fsck: bool) -> Self {
        let checks = if fsck { "; the server checks every object" } else { "" };
        println!(
            "5,000 applications, 20,000 files; median of {rounds} rounds{checks}. A peer's ratio is its time by ours."
        );
        Self { missed: 0 }
    }

    pub(crate) fn head(&mut self, way: &str) {
        println!("\n{way}");
        println!(
            "{:<38} {:>10} {:>10} {:>7} {:>15} {:>6} {:>11}",
            "what", "time", "CPU time", "ratio", "target", "", "bytes sent"
        );
    }

    /// A row of ours.
    pub(crate) fn row(&mut self, what: &str, ours: Measured, target: &str, reached: bool) {
        self.line(what, ours, "", target, reached);
    }

    /// A row of a peer, by the side of ours.
    pub(crate) fn peer(
        &mut self,
        what: &str,
        peer: Measured,
        ours: Measured,
        target: &str,
        reached: fn(f64) -> bool,
    ) {
        let ratio = peer.time.as_secs_f64() / ours.time.as_secs_f64();
        self.line(what, peer, &format!("{ratio:.2}"), target, reached(ratio));
    }

    fn line(&mut self, what: &str, measured: Measured, ratio: &str, target: &str, reached: bool) {
        let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
        let (time, work) = (shown(measured.time), measured.work.map(shown).unwrap_or_default());
        let sent = measured.sent.map(|bytes| bytes.to_string()).unwrap_or_default();
        let said = match (target, reached) {
            ("", _) => "",
            (_, true) => "ok",
            (_, false) => "MISSED",
        };
        println!("{what:<38} {time:>10} {work:>10} {ratio:>7} {target:>15} {said:>6} {sent:>11}");
        self.missed += usize::from(!reached);
    }

    /// How many targets were missed.
    pub(crate) fn missed(&self) -> usize {
        self.missed
    }
}

/// A measurement that has begun.
pub(crate) struct Clock {
    start: Instant,
    work: Option<Duration>,
}

/// What it came to.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    pub(crate) work: Option<Duration>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), work: work() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn stop(&self) -> Spent {
        let time = self.elapsed();
        // A server that has answered may have a moment to live yet, and counts when it is gone.
        while time + Duration::from_secs(1) > self.elapsed() && has_children() {
            std::thread::yield_now();
        }
        Spent { time, work: self.work.and_then(|before| Some(work()? - before)) }
    }
}

/// Whether a child of this process lives.
fn has_children() -> bool {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return false };
    tasks.flatten().any(|task| {
        std::fs::read_to_string(task.path().join("children")).is_ok_and(|children| !children.is_empty())
    })
}

/// What processors have worked for this process and for its children that have ended, where the system tells
/// (`proc(5)`, `/proc/pid/stat`, fields 14 to 17, in hundredths of a second).
fn work() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in parentheses, which may hold blanks.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(11).take(4).map(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis(ticks.sum::<Option<u64>>()? * 10))
}
