//! Debian's `docker-registry` (Distribution 2.8) as a process of its own, filled over the OCI API.
//!
//! One process for each test, on a port the system chooses, with its data in a folder that goes with it.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use gantry::{
    registry::{Credentials, Endpoint},
    settings::secret::Secret,
};
use gantry_core::ids::{Digest, ImageName};
use reqwest::{
    Client, Method, Response,
    header::{CONTENT_TYPE, LOCATION},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::sign_in::{Authority, PASSWORD, TokenService, USER};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The end of an empty gzip'd archive is as good a layer as any.
const LAYER_BYTES: &[u8] = b"layer";
/// `correct horse` by bcrypt, cost 4.
const HTPASSWD: &str = "bot:$2a$04$ld/HzM3GuAH/OtzWkICdQ.kjX3rAeri9xzTAbdY60hRMo33aNks8C\n";

/// Who may read and write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    Anyone,
    Basic,
    Token,
}

/// What an image says of itself.
#[derive(Default, Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) created: Option<&'a str>,
    pub(crate) revision: Option<&'a str>,
    pub(crate) source: Option<&'a str>,
}

impl Labels<'_> {
    fn json(&self) -> Value {
        let mut labels = serde_json::Map::new();
        for (name, value) in [("created", self.created), ("revision", self.revision), ("source", self.source)]
        {
            if let Some(value) = value {
                labels.insert(format!("org.opencontainers.image.{name}"), value.into());
            }
        }
        labels.into()
    }
}

/// A running registry; ends with the value.
pub(crate) struct DockerRegistry {
    child: Child,
    scheme: &'static str,
    host: String,
    sign_in: SignIn,
    http: Client,
    authority: Authority,
    folder: TempDir,
    tls: bool,
    tokens: Option<TokenService>,
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl DockerRegistry {
    /// Starts one that anyone may use, over plain http; `None`, with a line that says so, where
    /// docker-registry is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(SignIn::Anyone, false).await
    }

    /// Starts one with sign-in, over TLS if wanted.
    pub(crate) async fn start_with(sign_in: SignIn, tls: bool) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let certificate = file("leaf.pem", &authority.leaf_pem());
        let key = file("leaf.key", &authority.leaf_key());
        file("ca.pem", &authority.ca_pem());
        let mut config = json!({
            "version": "0.1",
            "storage": {
                "filesystem": {"rootdirectory": folder.path().join("data")},
                "delete": {"enabled": true},
            },
            "http": {"addr": "127.0.0.1:0", "secret": "for uploads only"},
            "log": {"level": "info", "accesslog": {"disabled": true}},
        });
        if tls {
            config["http"]["tls"] = json!({"certificate": certificate, "key": key});
        }
        let mut tokens = None;
        match sign_in {
            SignIn::Anyone => {}
            SignIn::Basic => {
                let path = file("htpasswd", HTPASSWD);
                config["auth"] = json!({"htpasswd": {"realm": "a \"quoted\" realm", "path": path}});
            }
            SignIn::Token => {
                let service = TokenService::start(&authority).await;
                config["auth"] = json!({"token": {
                    "realm": service.realm(), "service": "test-registry", "issuer": "test-issuer",
                    "rootcertbundle": certificate,
                }});
                tokens = Some(service);
            }
        }
        let config = file("config.yml", &config.to_string());
        let mut child = match Command::new("docker-registry")
            .arg("serve")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
        {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("skipped: docker-registry is not installed; tests/setup installs it");
                return None;
            }
            Err(error) => panic!("docker-registry: {error}"),
        };
        let host = listening(&mut child);
        let scheme = if tls { "https" } else { "http" };
        let ca = reqwest::Certificate::from_pem(authority.ca_pem().as_bytes()).unwrap();
        let http = Client::builder().no_proxy().tls_certs_only([ca]).build().unwrap();
        Some(Self { child, scheme, host, sign_in, http, authority, folder, tls, tokens })
    }

    /// `127.0.0.1:PORT`, as it stands in image names.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The endpoint as a platform engineer would set it, with good credentials where they are wanted.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let credentials = (self.sign_in != SignIn::Anyone)
            .then(|| Credentials { username: USER.to_owned(), secret: Secret::new(PASSWORD.to_owned()) });
        let ca_file = self.tls.then(|| self.ca_file());
        Endpoint { insecure: !self.tls, credentials, ca_file, ..Endpoint::new(self.host()) }
    }

    /// The authority that signed the certificate.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The token service that this registry names.
    pub(crate) fn tokens(&self) -> &TokenService {
        self.tokens.as_ref().expect("started with SignIn::Token")
    }

    /// The name of an image in this registry.
    pub(crate) fn image(&self, repository: &str) -> ImageName {
        format!("{}/{repository}", self.host).parse().unwrap()
    }

    /// Pushes a single-platform image; its config's `created` is the label's, or year 1 without one, as
    /// reproducible builds have it.
    pub(crate) async fn push_image(&self, repository: &str, tag: &str, labels: Labels<'_>) -> Digest {
        let config = json!({
            "created": labels.created.unwrap_or("0001-01-01T00:00:00Z"),
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels.json()},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": hash(&config), "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": hash(LAYER_BYTES), "size": LAYER_BYTES.len()}],
        });
        self.push_blob(repository, LAYER_BYTES).await;
        self.push_blob(repository, &config).await;
        self.push_manifest(repository, tag, MANIFEST, &manifest).await
    }

    /// Pushes an index over manifests that are there already: `(digest, "os/architecture")`.
    pub(crate) async fn push_index(
        &self,
        repository: &str,
        tag: &str,
        manifests: &[(Digest, &str)],
        annotations: Labels<'_>,
    ) -> Digest {
        let mut entries = Vec::new();
        for (digest, platform) in manifests {
            let size = self.manifest(repository, digest).await.len();
            let (os, architecture) = platform.split_once('/').unwrap();
            entries.push(json!({
                "mediaType": MANIFEST, "digest": digest, "size": size,
                "platform": {"os": os, "architecture": architecture},
            }));
        }
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": entries, "annotations": annotations.json(),
        });
        self.push_manifest(repository, tag, INDEX, &index).await
    }

    /// Gives a manifest one more tag.
    pub(crate) async fn tag(&self, repository: &str, digest: &Digest, tag: &str) {
        let manifest = serde_json::from_slice(&self.manifest(repository, digest).await).unwrap();
        assert_eq!(self.push_manifest(repository, tag, MANIFEST, &manifest).await, *digest);
    }

    /// Deletes a manifest with all its tags.
    pub(crate) async fn delete_manifest(&self, repository: &str, digest: &Digest) {
        let path = format!("/v2/{repository}/manifests/{digest}");
        assert_eq!(self.send(Method::DELETE, repository, &path, "", Vec::new()).await.status(), 202);
    }

    async fn manifest(&self, repository: &str, digest: &Digest) -> Vec<u8> {
        let path = format!("/v2/{repository}/manifests/{digest}");
        let response = self.send(Method::GET, repository, &path, "", Vec::new()).await;
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap().to_vec()
    }

    async fn push_manifest(&self, repository: &str, tag: &str, kind: &str, manifest: &Value) -> Digest {
        let body = manifest.to_string().into_bytes();
        let digest = hash(&body);
        let path = format!("/v2/{repository}/manifests/{tag}");
        let response = self.send(Method::PUT, repository, &path, kind, body).await;
        assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
        digest
    }

    async fn push_blob(&self, repository: &str, bytes: &[u8]) {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let response = self.send(Method::POST, repository, &path, "", Vec::new()).await;
        assert_eq!(response.status(), 202);
        let place = response.headers()[LOCATION].to_str().unwrap();
        let place = place.strip_prefix(&format!("{}://{}", self.scheme, self.host)).unwrap_or(place);
        let place = format!("{place}{}digest={}", if place.contains('?') { '&' } else { '?' }, hash(bytes));
        let kind = "application/octet-stream";
        let response = self.send(Method::PUT, repository, &place, kind, bytes.to_vec()).await;
        assert_eq!(response.status(), 201);
    }

    async fn send(
        &self,
        method: Method,
        repository: &str,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Response {
        let mut request = self.http.request(method, format!("{}://{}{path}", self.scheme, self.host));
        request = match self.sign_in {
            SignIn::Anyone => request,
            SignIn::Basic => request.basic_auth(USER, Some(PASSWORD)),
            SignIn::Token => request
                .bearer_auth(self.authority.token(&format!("repository:{repository}:pull,push,delete"))),
        };
        if !kind.is_empty() {
            request = request.header(CONTENT_TYPE, kind);
        }
        request.header("accept", format!("{MANIFEST}, {INDEX}")).body(body).send().await.unwrap()
    }
}

/// The digest of some bytes.
pub(crate) fn hash(bytes: &[u8]) -> Digest {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes))).parse().unwrap()
}

/// Waits for the line that names the port, then lets the log run into nothing.
fn listening(child: &mut Child) -> String {
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    loop {
        let start = seen.len();
        let read = log.read_line(&mut seen).unwrap();
        assert!(read > 0, "docker-registry ended before it listened:\n{seen}");
        if let Some((_, rest)) = seen[start..].split_once("listening on ") {
            let end = rest.find(['"', ',']).unwrap();
            let host = rest[..end].to_owned();
            std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
            return host;
        }
    }
}
