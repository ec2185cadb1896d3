//! The keys of seals, and seals as they stand in a trailer.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::random;

/// What a public key's text begins with.
const PUBLIC: &str = "ed25519:";
/// What a secret key's text begins with.
const SECRET: &str = "ed25519-secret:";
/// The bytes of a seed and of a public key.
const KEY: usize = 32;
/// The bytes of a signature.
const SIGNATURE: usize = 64;

/// Which key sealed: the first 16 digits of the SHA-256 of the public key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that seals are checked with, written as `ed25519:` and its base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; KEY]);

/// A text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no public key; write the line that `gantry seal show` prints, ed25519:…")]
pub struct UnreadableKey(String);

impl PublicKey {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(hex::encode(Sha256::digest(self.0))[..16].to_owned())
    }

    /// Whether the key made this signature of this text.
    pub(super) fn verifies(&self, text: &str, signature: &[u8; SIGNATURE]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", STANDARD.encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = UnreadableKey;

    fn from_str(text: &str) -> Result<Self, UnreadableKey> {
        let key = text.trim().strip_prefix(PUBLIC).and_then(|coded| STANDARD.decode(coded).ok());
        let key = key.and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| UnreadableKey(text.chars().take(80).collect()))
    }
}

/// The key that seals. No `Debug`, `Display` or `Clone` on purpose.
pub struct Key {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Key {
    /// Makes a key of the system's randomness, and its text for a file.
    pub(super) fn make() -> (Self, Zeroizing<String>) {
        let mut seed = Zeroizing::new([0; KEY]);
        random::fill(seed.as_mut_slice());
        let text = Zeroizing::new(format!("{SECRET}{}", STANDARD.encode(seed.as_slice())));
        match Self::of_seed(&seed) {
            Some(key) => (key, text),
            None => unreachable!("every 32 bytes are the seed of an Ed25519 key"),
        }
    }

    /// Reads the text of a file; `None` where it is no secret key.
    pub(super) fn read(text: &str) -> Option<Self> {
        let coded = text.trim().strip_prefix(SECRET)?;
        let bytes = Zeroizing::new(STANDARD.decode(coded).ok()?);
        let seed: Zeroizing<[u8; KEY]> = Zeroizing::new(bytes.as_slice().try_into().ok()?);
        Self::of_seed(&seed)
    }

    fn of_seed(seed: &[u8; KEY]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = PublicKey(pair.public_key().as_ref().try_into().ok()?);
        Some(Self { pair, public })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a text.
    pub(super) fn sign(&self, text: &str) -> Seal {
        let signed = self.pair.sign(text.as_bytes());
        match signed.as_ref().try_into() {
            Ok(signature) => Seal { key: self.public.id(), signature },
            Err(_) => unreachable!("an Ed25519 signature has 64 bytes"),
        }
    }
}

/// A seal as it stands in a trailer: the key's id and the signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seal {
    /// Which key is said to have made it.
    pub key: KeyId,
    pub(super) signature: [u8; SIGNATURE],
}

impl Seal {
    /// What tells it from every other seal: the signature of one text by one key is always the same.
    #[must_use]
    pub fn mark(&self) -> [u8; 16] {
        let mut mark = [0; 16];
        mark.copy_from_slice(&self.signature[..16]);
        mark
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, STANDARD.encode(self.signature))
    }
}

impl FromStr for Seal {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (key, signature) = text.split_once(' ').ok_or(())?;
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if key.len() != 16 || !key.bytes().all(hexadecimal) || signature.len() > 2 * SIGNATURE {
            return Err(());
        }
        let signature = STANDARD.decode(signature).map_err(drop)?.try_into().map_err(drop)?;
        Ok(Self { key: KeyId(key.to_owned()), signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_seals_read_back() {
        let (key, text) = Key::make();
        let same = Key::read(&text).unwrap();
        assert_eq!(same.public(), key.public());
        assert_eq!(key.public().to_string().parse::<PublicKey>().unwrap(), *key.public());
        let seal = key.sign("a text");
        assert_eq!(seal.to_string().parse::<Seal>().unwrap(), seal);
        assert!(key.public().verifies("a text", &seal.signature));
        assert!(!key.public().verifies("another text", &seal.signature));
        assert!(!Key::make().0.public().verifies("a text", &seal.signature));
    }

    #[test]
    fn what_is_no_key_is_refused_and_cut() {
        for text in ["", "ed25519:", "ed25519:AAAA", "ssh-ed25519 AAAA", &"x".repeat(10_000)] {
            let error = text.parse::<PublicKey>().unwrap_err().to_string();
            assert!(error.len() < 300 && error.contains("gantry seal show"), "{error}");
            assert!(Key::read(text).is_none());
        }
        for text in ["", "0123456789abcdef", "0123456789abcdef AAAA", "0123456789ABCDEF AAAA", "x y z"] {
            assert!(text.parse::<Seal>().is_err(), "{text}");
        }
    }
}
