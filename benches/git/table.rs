//! The table that the benchmark prints.

use std::time::Duration;

/// What was measured of one way.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    /// The median of the rounds.
    pub(crate) time: Duration,
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
            "{:<40} {:>10} {:>8} {:>16} {:>6} {:>12}",
            "what", "time", "ratio", "target", "", "bytes sent"
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
        let time = format!("{:.1} ms", measured.time.as_secs_f64() * 1_000.0);
        let sent = measured.sent.map(|bytes| bytes.to_string()).unwrap_or_default();
        let said = match (target, reached) {
            ("", _) => "",
            (_, true) => "ok",
            (_, false) => "MISSED",
        };
        println!("{what:<40} {time:>10} {ratio:>8} {target:>16} {said:>6} {sent:>12}");
        self.missed += usize::from(!reached);
    }

    /// How many targets were missed.
    pub(crate) fn missed(&self) -> usize {
        self.missed
    }
}
