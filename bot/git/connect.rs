//! One conversation with a remote, over HTTP, ssh or a local program, with one deadline.
//!
//! The transports themselves are in `http` and `process`. Here is what they share: the deadline, and the
//! [`Fate`] in which a transport notes why it failed, so that an error is built from what happened and not
//! from the text of a library's error.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use gix_transport::{
    Protocol, Service,
    client::{
        MessageKind, WriteMode,
        blocking_io::{RequestWriter, Transport},
    },
};

use super::{
    address::Address,
    error::{GitError, tame},
    http, process,
    remote::{Proxy, Remote},
};

/// The moment at which one fetch or push is given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    allowed: Duration,
    idle: Duration,
}

/// How slow a line may be on which a request goes out: 10 KiB a second.
const SLOWEST: usize = 10 << 10;

impl Deadline {
    /// Starts counting now.
    pub(super) fn after(allowed: Duration) -> Self {
        // A timeout of centuries must not overflow; a day is then as good.
        let at = Instant::now()
            .checked_add(allowed)
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
        Self { at, allowed, idle: allowed }
    }

    /// The same, giving up earlier on who is silent for this long.
    pub(super) fn with_idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// How long the next word may take, after a request with `length` bytes; `None` once it is over.
    pub(super) fn patience(&self, length: usize) -> Option<Duration> {
        let sending = Duration::from_secs((length / SLOWEST) as u64);
        self.left().map(|left| left.min(self.idle.saturating_add(sending)))
    }

    /// What is left; `None` once it is over.
    pub(super) fn left(&self) -> Option<Duration> {
        self.at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

/// Why a transport failed. The first note stays: what follows it is its consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    TimedOut,
    Missing(String),
    Denied(String),
    Unreachable(String),
    Protocol(String),
    Helper(String),
}

/// Shared between a transport and who uses it.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate {
    failure: Arc<Mutex<Option<Failure>>>,
    /// The proxy on the way, which may be the one at fault.
    via: Option<Arc<str>>,
}

impl Fate {
    /// That of a conversation with `remote`.
    fn of(remote: &Remote) -> Self {
        let via = match (&remote.address, &remote.proxy) {
            (Address::Http(_), Proxy::Via(url)) => Some(url.as_str().trim_end_matches('/').into()),
            _ => None,
        };
        Self { failure: Arc::default(), via }
    }

    /// Notes a failure, unless one is noted already.
    pub(super) fn note(&self, failure: Failure) {
        let failure = match (failure, &self.via) {
            (Failure::Unreachable(why), Some(via)) => {
                Failure::Unreachable(format!("through the proxy {via}: {why}"))
            }
            (failure, _) => failure,
        };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }

    /// What is noted.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The error for what is noted, or for `text` where nothing is.
    pub(super) fn error(&self, url: String, deadline: Deadline, text: &str) -> GitError {
        match self.failure() {
            Some(Failure::TimedOut) => GitError::Timeout { url, after: deadline.allowed },
            Some(Failure::Missing(why)) => GitError::Missing { url, why: tame(&why, 400) },
            Some(Failure::Denied(why)) => GitError::Denied { url, why: tame(&why, 400) },
            Some(Failure::Unreachable(why)) => GitError::Unreachable { url, why: tame(&why, 400) },
            Some(Failure::Protocol(why)) => GitError::Protocol { url, why: tame(&why, 400) },
            Some(Failure::Helper(why)) => GitError::Helper { url, why },
            None => GitError::Protocol { url, why: text.to_owned() },
        }
    }
}

/// An open conversation.
pub(super) struct Session {
    transport: Option<Box<dyn Transport + Send>>,
    fate: Fate,
    process: Option<process::Watch>,
    url: String,
    deadline: Deadline,
}

impl Session {
    /// Connects for `service`. Fetching speaks protocol 2, so that the server lists only the refs asked
    /// for; pushing has only the older one.
    pub(super) fn open(
        remote: &Remote,
        client: &http::Client,
        service: Service,
        deadline: Deadline,
    ) -> Result<Self, GitError> {
        let version = match service {
            Service::UploadPack => Protocol::V2,
            Service::ReceivePack => Protocol::V1,
        };
        let fate = Fate::of(remote);
        let (transport, process): (Box<dyn Transport + Send>, _) = match &remote.address {
            Address::Http(url) => {
                (Box::new(http::transport(remote, url, client, version, deadline, fate.clone())?), None)
            }
            Address::Ssh { .. } | Address::File(_) => {
                let (transport, watch) = process::transport(remote, service, version, deadline, &fate)?;
                (Box::new(transport), Some(watch))
            }
        };
        Ok(Self { transport: Some(transport), fate, process, url: remote.shown(), deadline })
    }

    /// The transport, as the protocol crates want it.
    pub(super) fn transport(&mut self) -> Result<&mut Box<dyn Transport + Send>, GitError> {
        let url = &self.url;
        self.transport
            .as_mut()
            .ok_or_else(|| GitError::Protocol { url: url.clone(), why: "the connection is closed".into() })
    }

    /// Turns an error of the protocol crates into ours, by what the transport noted. Ends the conversation.
    pub(super) fn explain(&mut self, error: &(dyn std::error::Error + 'static)) -> GitError {
        let text = super::error::chain(error);
        // The pipes are closed first, so that the process ends and says why.
        self.transport = None;
        if let Some(watch) = self.process.take() {
            watch.wait().note(&self.fate);
        }
        if self.deadline.left().is_none() {
            self.fate.note(Failure::TimedOut);
        }
        self.fate.error(self.url.clone(), self.deadline, &text)
    }

    /// Whether nothing went wrong on the line so far, and there is time left.
    pub(super) fn is_well(&self) -> bool {
        self.fate.failure().is_none() && self.deadline.left().is_some()
    }

    /// Ends a conversation in which nothing is wanted after all.
    pub(super) fn hang_up(mut self) {
        if let (Some(transport), Some(_)) = (&mut self.transport, &self.process) {
            // A program waits for the end of the commands; over HTTP there is nobody waiting.
            let _ =
                transport.request(WriteMode::Binary, MessageKind::Flush, false).map(RequestWriter::into_read);
        }
    }
}
