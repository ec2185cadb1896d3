//! The demo's story, told on the terminal; its sentences are in `templates/demo.txt`.

use std::{io::Write, path::Path};

use gantry_core::facts::Place;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::{speak::Renderer, store::AuditRecord};

/// Where the story is told; silent when only the report is wanted.
pub struct Story {
    out: Option<Box<dyn Write + Send>>,
    renderer: Renderer,
    begun: Timestamp,
    told: Timestamp,
}

impl Story {
    /// A story told to `out`.
    #[must_use]
    pub fn new(out: Option<Box<dyn Write + Send>>) -> Self {
        let now = Timestamp::now();
        Self { out, renderer: Renderer::embedded(), begun: now, told: now }
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        match &mut self.out {
            Some(out) => {
                writeln!(out, "{text}")?;
                out.flush()
            }
            None => Ok(()),
        }
    }

    pub(super) fn begin(&mut self, infra: &Path, server: &str) -> std::io::Result<()> {
        self.begun = Timestamp::now();
        let text = self.renderer.demo_begins(&infra.display().to_string(), server);
        self.say(&text)
    }

    pub(super) fn send(&mut self, build: &str) -> std::io::Result<()> {
        let text = self.renderer.demo_sends(build);
        self.line(Timestamp::now(), &text)
    }

    pub(super) fn event(&mut self, event: &AuditRecord) -> std::io::Result<()> {
        self.line(event.entry.at, &event.entry.text)
    }

    /// One line with the seconds since the beginning. Git's times have no fractions, so one may seem to lie
    /// before the line above it.
    fn line(&mut self, at: Timestamp, text: &str) -> std::io::Result<()> {
        self.told = self.told.max(at);
        let seconds = self.told.duration_since(self.begun).as_secs().max(0);
        self.say(&format!("  {seconds:>3} s  {text}"))
    }

    pub(super) fn end(
        &mut self,
        until_idle: bool,
        server: &str,
        ci: &str,
        manager: &str,
        standings: &[(Place, String, String)],
    ) -> std::io::Result<()> {
        self.say("")?;
        for (place, version, text) in standings {
            self.say(&format!("  {:<6} {version:<8} {text}", place.environment.as_str()))?;
        }
        if until_idle {
            return Ok(());
        }
        let digest = sample_digest("1.2.0");
        let text = self.renderer.demo_next(server, ci, manager, &digest);
        self.say(&text)
    }
}

/// The digest of a sample build that no registry holds.
pub(super) fn sample_digest(tag: &str) -> String {
    sha256(&format!("the demo's checkout {tag}"))
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
