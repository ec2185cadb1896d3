//! The credentials of one mirror: those of the settings, or those that a helper gave.
//!
//! A helper is asked before the first conversation; what it gave is kept in memory until a server refuses it.
//! Then the helper is told to erase it and is asked once more, so that a token that ran out is replaced
//! without anyone acting. What a server took is given to the helper to store, once.

use std::sync::{Mutex, PoisonError};

use super::{
    address::Address,
    connect::Deadline,
    error::GitError,
    helper::{CredentialHelper, Given},
    remote::{Credentials, Remote},
};

/// The credentials of one mirror.
pub(super) struct Wallet {
    fixed: Option<Credentials>,
    helper: Option<(CredentialHelper, url::Url)>,
    shown: String,
    held: Mutex<Option<Held>>,
}

struct Held {
    given: Given,
    /// A server took them, and the helper knows it.
    stored: bool,
}

impl Wallet {
    pub(super) fn of(remote: &Remote) -> Self {
        let helper = match (&remote.address, &remote.credential_helper) {
            (Address::Http(url), Some(helper)) => Some((helper.clone(), url.clone())),
            _ => None,
        };
        Self { fixed: remote.credentials.clone(), helper, shown: remote.shown(), held: Mutex::new(None) }
    }

    /// What to sign in with, if anything.
    pub(super) fn credentials(&self, deadline: Deadline) -> Result<Option<Credentials>, GitError> {
        let Some((helper, url)) = &self.helper else { return Ok(self.fixed.clone()) };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let given = helper.get(url, deadline);
            let given = given.map_err(|why| GitError::Helper { url: self.shown.clone(), why })?;
            *held = Some(Held { given, stored: false });
        }
        Ok(held.as_ref().map(|held| held.given.credentials.clone()))
    }

    /// A server took them.
    pub(super) fn accepted(&self, deadline: Deadline) {
        let Some((helper, url)) = &self.helper else { return };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_mut().filter(|held| !held.stored) {
            held.stored = true;
            helper.tell("store", url, &held.given, deadline);
        }
    }

    /// A server refused them. Whether asking again may bring others: it may where these had been good once.
    pub(super) fn refused(&self, deadline: Deadline) -> bool {
        let Some((helper, url)) = &self.helper else { return false };
        let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return false;
        };
        helper.tell("erase", url, &held.given, deadline);
        held.stored
    }
}
