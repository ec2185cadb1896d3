//! Production's parts, put together from the settings.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use gantry_core::{decide::decider::Decider, facts::Person};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Engine, Server, plan::Diffs};
use crate::{
    act::{Actor, BatchSize, Desired},
    clock::Clock,
    forge::{Forge, ForgeError, local::LocalForge},
    git::{CredentialHelper, Credentials, GitError, Mirror, Proxy, PushMethod, Remote, Signing, SigningKey},
    http::{App, Limits, Metrics, Names},
    intake::token::{Role, Token},
    observe::{
        Observer, Sources,
        images::{Images, Watched},
        proposals::Proposals,
    },
    registry::{self, Endpoint, RegistryError},
    seal::{self, KeyFileError, Trust},
    settings::{self, ForgeKind, Push, Repository, RoleName, Settings},
    speak::{Renderer, SpeakError},
    store::{SqlStore, Store, StoreError, board::Board},
};

/// The server can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder can't be used.
    #[error("data: {path}: {error}; `data` in the settings must name a folder that Gantry can write")]
    Data {
        /// The folder.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The address can't be bound.
    #[error("listen: {address}: {error}; another program may listen there: change `listen`, or stop it")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The key that seals can't be had.
    #[error("seal: {0}")]
    Seal(#[from] KeyFileError),
    /// The database can't be opened.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// A repository's settings can't work.
    #[error("repositories: {0}")]
    Git(#[from] GitError),
    /// A forge can't be opened.
    #[error("forge: {0}")]
    Forge(#[from] ForgeError),
    /// A registry's settings can't work.
    #[error("registries: {0}")]
    Registry(#[from] RegistryError),
    /// A token's settings can't work.
    #[error("tokens: {name}: {message}")]
    Token {
        /// Whose.
        name: String,
        /// What is wrong, and what to write.
        message: String,
    },
    /// The templates can't be used.
    #[error("templates: {0}")]
    Templates(#[from] SpeakError),
}

/// Takes the address. A program that a killed server was just starting holds it for the moment that starting
/// takes, so one that is in use is asked for again for a while.
async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const RECHECK: Duration = Duration::from_millis(50);
    let begin = Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && begin.elapsed() < PATIENCE => {
                tokio::time::sleep(RECHECK).await;
            }
            bound => return bound,
        }
    }
}

/// Lets the process open as many files as the system allows it: each connection is one, and the usual limit is no
/// more than the connections that are allowed, so that Git and the database would find none left.
fn allow_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

pub(super) async fn assemble(
    settings: Settings,
    clock: Arc<dyn Clock>,
    wrap: &(dyn Fn(Arc<dyn Forge>) -> Arc<dyn Forge> + Sync),
) -> Result<Server, StartError> {
    allow_files();
    std::fs::create_dir_all(&settings.data)
        .map_err(|error| StartError::Data { path: settings.data.display().to_string(), error })?;
    let key = Arc::new(seal::load_or_make(&settings.seal_key)?);
    let listener = listen(settings.listen)
        .await
        .map_err(|error| StartError::Listen { address: settings.listen, error })?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let mirrors = settings.data.join("mirrors");
    let used = mirrors.exists();
    let store: Arc<dyn Store> = Arc::new(SqlStore::open(settings.database.expose()).await?);
    let born = store.born(used, clock.now()).await?;
    let renderer = match &settings.templates {
        Some(folder) => Renderer::with_folder(folder)?,
        None => Renderer::embedded(),
    };
    let people: BTreeMap<String, String> =
        settings.tokens.iter().filter_map(|token| Some((token.name.clone(), token.email.clone()?))).collect();
    let people = Arc::new(people);
    let names = settings.repositories.iter().map(|repository| repository.entry.name.clone()).collect();
    let board = Arc::new(Board::new(names));
    let poll = settings.poll;
    let holder = holder(&settings.data)?;

    let mut registries = BTreeMap::new();
    for registry in settings.registries {
        let mut endpoint = Endpoint::new(&registry.entry.host);
        endpoint.insecure = registry.entry.insecure;
        endpoint.ca_file = registry.entry.ca_file;
        endpoint.token_services = registry.entry.token_services;
        endpoint.credentials = registry.password.map(|secret| registry::Credentials {
            username: registry.entry.username.unwrap_or_default(),
            secret,
        });
        let watched = Watched {
            registry: registry::Registry::new(endpoint)?,
            poll: registry.entry.poll.unwrap_or(poll),
        };
        registries.insert(registry.entry.host, watched);
    }
    let registry_hosts = registries.keys().cloned().collect();
    let images = Arc::new(Images::new(registries, Arc::clone(&store), Arc::clone(&clock)));

    let mut engines = Vec::new();
    let mut diffs = Diffs::new(Arc::clone(&board));
    for repository in settings.repositories {
        let name = repository.entry.name.clone();
        let branch = repository.entry.branch.clone();
        let identity = match &repository.entry.identity {
            Some(identity) => identity.clone(),
            None => Remote::new(&repository.entry.url)?.identity(),
        };
        let trust = Arc::new(Trust::new(identity, Some(Arc::clone(&key)), &settings.trusted));
        let kind = repository.entry.forge.kind;
        let person = |who: &settings::Bot| Person { name: who.name.clone(), email: who.email.clone() };
        let (author, bot) = (person(&repository.author), person(&repository.committer));
        let mirror = open_mirror(repository, &mirrors.join(format!("{name}.git"))).await?;
        diffs.add(&name, Arc::clone(&mirror));
        let forge = wrap(match kind {
            ForgeKind::Local => {
                let file = settings.data.join(format!("forge-{name}.db"));
                let forge = LocalForge::open(&file, Arc::clone(&mirror), bot.clone(), Arc::clone(&clock));
                Arc::new(forge.await?.with_people(Arc::clone(&people)))
            }
        });
        let waking = Arc::clone(&board);
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(move || waking.wake());
        let proposals = Proposals::new(Arc::clone(&forge), Arc::clone(&mirror), Arc::clone(&wake));
        let proposals = Arc::new(proposals);
        let observer = Observer::new(Sources {
            repository: name.clone(),
            branch,
            mirror: Arc::clone(&mirror),
            proposals: Arc::clone(&proposals),
            store: Arc::clone(&store),
            images: Arc::clone(&images),
            renderer: renderer.clone(),
            clock: Arc::clone(&clock),
            wake,
            bot: bot.clone(),
            born,
            trust: Arc::clone(&trust),
        });
        let actor = Arc::new(Actor {
            mirror,
            forge,
            renderer: renderer.clone(),
            author,
            bot,
            people: Arc::clone(&people),
            trust,
            clock: Arc::clone(&clock),
            lines: Arc::default(),
        });
        let desired = Desired::new(Arc::clone(&actor), Arc::clone(&proposals), Arc::clone(&store));
        engines.push(Engine {
            repository: name,
            observer,
            actor,
            desired: Arc::new(desired),
            proposals,
            store: Arc::clone(&store),
            board: Arc::clone(&board),
            clock: Arc::clone(&clock),
            holder: holder.clone(),
            failures: BTreeMap::new(),
            batch_size: BatchSize::default(),
            decider: Decider::default(),
            maintained: None,
            stop: CancellationToken::new(),
        });
    }
    let tokens = settings.tokens.into_iter().map(token).collect::<Result<Vec<Token>, StartError>>()?;
    let app = App {
        store: Arc::clone(&store),
        board: Arc::clone(&board),
        renderer,
        tokens: Arc::new(tokens),
        anonymous_read: settings.anonymous_read,
        clock: Arc::clone(&clock),
        metrics: Metrics::new(),
        registry_hosts,
        planner: Some(Arc::new(diffs)),
        limits: Limits { connections: settings.http.connections, ..Limits::default() },
        names: Names {
            check: settings.anonymous_read
                && (settings.listen.ip().is_loopback() || !settings.http.hosts.is_empty()),
            hosts: settings.http.hosts,
            proxies: settings.http.trusted_proxies,
        },
        closing: CancellationToken::new(),
        stopping: CancellationToken::new(),
    };
    Ok(Server { address, board, store, listener, app, engines, images, clock, poll: poll.std() })
}

fn token(entry: settings::TokenEntry) -> Result<Token, StartError> {
    let wrong = |message: String| StartError::Token { name: entry.name.clone(), message };
    let role = match entry.role {
        RoleName::Ci => Role::Ci,
        RoleName::ReleaseManager => Role::ReleaseManager,
        RoleName::Viewer => Role::Viewer,
    };
    let mut sha256 = [0; 32];
    hex::decode_to_slice(&entry.sha256, &mut sha256).map_err(|_| {
        wrong(
            "sha256 is no SHA-256; write the 64 digits that `printf %s TOKEN | sha256sum` prints".to_owned(),
        )
    })?;
    let images = entry.images.iter().map(|image| image.parse()).collect::<Result<_, _>>();
    Ok(Token {
        images: images.map_err(|error| wrong(format!("images: {error}")))?,
        name: entry.name,
        sha256,
        role,
    })
}

async fn open_mirror(repository: Repository, folder: &Path) -> Result<Arc<Mirror>, StartError> {
    let entry = repository.entry;
    let mut remote = Remote::new(&entry.url)?;
    let settings = |what: &str| GitError::Settings { url: remote.shown(), what: what.to_owned() };
    let helper = repository.credential_helper.as_deref();
    let helper = helper.map(|helper| CredentialHelper::new(helper, repository.username.clone()));
    remote.credential_helper = helper.transpose().map_err(settings)?;
    remote.credentials = repository.password.map(|secret| {
        Credentials::new(repository.username.unwrap_or_else(|| "git".to_owned()), secret.expose())
    });
    remote.proxy = match repository.proxy {
        settings::Proxy::Environment => Proxy::Environment,
        settings::Proxy::None => Proxy::Direct,
        settings::Proxy::Via(url) => Proxy::Via(url),
    };
    remote.signing = repository.sign.and_then(signing);
    remote.ssh_command = entry.ssh_command;
    remote.ca_file = entry.ca_file;
    remote.allow_plain_http = entry.plain_http_credentials;
    if let Some(timeout) = entry.timeout {
        remote.timeout = timeout.std();
    }
    if let Some(timeout) = entry.idle_timeout {
        remote.idle_timeout = timeout.std();
    }
    remote.push = match entry.push {
        Push::Builtin => PushMethod::Builtin,
        Push::Git => PushMethod::GitProgram,
    };
    let folder = folder.to_owned();
    match tokio::task::spawn_blocking(move || Mirror::open(remote, &folder)).await {
        Ok(mirror) => Ok(Arc::new(mirror?)),
        Err(error) => Err(GitError::unfinished(error).into()),
    }
}

/// The signing key of the settings, which have either an SSH or a GPG key.
fn signing(sign: settings::Sign) -> Option<Signing> {
    let gpg = |key| SigningKey::Gpg { key, home: sign.gpg_home, passphrase_file: sign.gpg_passphrase_file };
    sign.ssh.map(SigningKey::Ssh).or_else(|| sign.gpg.map(gpg)).map(Signing::new)
}

/// This installation's name for leases: made once and kept in the data folder, so that a restart goes on at
/// once with what it held.
fn holder(data: &Path) -> Result<String, StartError> {
    let path = data.join("installation");
    let wrong = |error| StartError::Data { path: path.display().to_string(), error };
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Ok(_) | Err(_) => {
            let name = crate::random::hex(16);
            std::fs::write(&path, &name).map_err(wrong)?;
            Ok(name)
        }
    }
}
