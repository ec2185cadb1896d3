//! A certificate authority, and a token service that docker-registry trusts.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::http::StatusCode;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;

use super::scripted::{Scripted, answer};

/// The one account.
pub(crate) const USER: &str = "bot";
/// Its password.
pub(crate) const PASSWORD: &str = "correct horse";

/// An authority, and a key and certificate for 127.0.0.1 that it signed. The same key signs tokens.
pub(crate) struct Authority {
    ca: String,
    leaf: String,
    leaf_der: Vec<u8>,
    key_pem: String,
    key_der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let leaf = params.signed_by(&key, &ca).unwrap();
        Self {
            ca: ca.pem(),
            leaf: leaf.pem(),
            leaf_der: leaf.der().to_vec(),
            key_pem: key.serialize_pem(),
            key_der: key.serialize_der(),
        }
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.ca.clone()
    }

    pub(crate) fn leaf_pem(&self) -> String {
        self.leaf.clone()
    }

    pub(crate) fn leaf_key(&self) -> String {
        self.key_pem.clone()
    }

    /// A token by the Distribution project's rules, good for five minutes of real time: docker-registry
    /// reads the machine's clock.
    pub(crate) fn token(&self, scopes: &str) -> String {
        let now = Timestamp::now().as_second();
        let access: Vec<_> = scopes
            .split_ascii_whitespace()
            .map(|scope| {
                let parts: Vec<&str> = scope.splitn(3, ':').collect();
                let actions: Vec<&str> = parts[2].split(',').collect();
                json!({"type": parts[0], "name": parts[1], "actions": actions})
            })
            .collect();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [base64(&self.leaf_der, true)]});
        let claims = json!({
            "iss": "test-issuer", "sub": USER, "aud": "test-registry", "jti": "1",
            "iat": now, "nbf": now - 5, "exp": now + 300, "access": access,
        });
        let text = format!(
            "{}.{}",
            base64(header.to_string().as_bytes(), false),
            base64(claims.to_string().as_bytes(), false)
        );
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.key_der).unwrap();
        let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", base64(signature.as_ref(), false))
    }
}

/// Base64: standard with padding, or for URLs without.
pub(crate) fn base64(bytes: &[u8], standard: bool) -> String {
    let last: &[u8; 2] = if standard { b"+/" } else { b"-_" };
    let digit = |n: u32| match n {
        0..26 => (b'A' + n as u8) as char,
        26..52 => (b'a' + (n - 26) as u8) as char,
        52..62 => (b'0' + (n - 52) as u8) as char,
        _ => last[n as usize - 62] as char,
    };
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain([0, 0].iter()).take(3).fold(0, |word, b| word << 8 | u32::from(*b));
        text.extend((0..=chunk.len()).map(|i| digit(word >> (18 - 6 * i) & 63)));
        if standard {
            text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
        }
    }
    text
}

/// The service that gives tokens for [`USER`] and [`PASSWORD`], and counts what it gave.
pub(crate) struct TokenService {
    server: Scripted,
    given: Arc<Mutex<Vec<String>>>,
}

impl TokenService {
    pub(crate) async fn start(authority: &Authority) -> Self {
        let authority = Authority {
            ca: authority.ca.clone(),
            leaf: authority.leaf.clone(),
            leaf_der: authority.leaf_der.clone(),
            key_pem: authority.key_pem.clone(),
            key_der: authority.key_der.clone(),
        };
        let given = Arc::new(Mutex::new(Vec::new()));
        let record = given.clone();
        let basic = format!("Basic {}", base64(format!("{USER}:{PASSWORD}").as_bytes(), true));
        let server = Scripted::start(move |seen| {
            if seen.authorization.as_deref() != Some(&basic) {
                return answer(StatusCode::UNAUTHORIZED, "{}");
            }
            let scope = seen.query("scope").unwrap_or_default();
            record.lock().unwrap().push(scope.clone());
            answer(StatusCode::OK, json!({"token": authority.token(&scope), "expires_in": 300}).to_string())
        })
        .await;
        Self { server, given }
    }

    pub(crate) fn realm(&self) -> String {
        format!("http://{}/token", self.server.host())
    }

    /// The scopes of the tokens given so far.
    pub(crate) fn given(&self) -> Vec<String> {
        self.given.lock().unwrap().clone()
    }
}
