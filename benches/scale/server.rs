//! The server as a process of its own, spoken to over HTTP.

use std::{
    fs::File,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::blocking::Client;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::infra::{Infra, image};

const TOKEN: &str = "token-of-ci-0123456789";
/// How long anything may take: beyond it something is broken.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many builds are sent side by side.
const SENDERS: usize = 8;

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    client: Client,
}

/// Settings for a repository; the address is one that is free now.
pub(crate) fn settings(infra: &Infra) -> (String, String) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let text = format!(
        "listen: {free}\ndata: {}\npoll: 1s\nrepositories:\n  - {{name: infra, url: 'file://{}'}}\n\
         tokens:\n  - {{name: ci, sha256: {}, role: ci, images: ['registry.example.com/**']}}\n",
        infra.beside("data").display(),
        infra.path().display(),
        hex::encode(Sha256::digest(TOKEN)),
    );
    (text, format!("http://{free}"))
}

/// A client that keeps its connections.
pub(crate) fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).build().expect("a client")
}

/// Sends a build of an application.
pub(crate) fn build(client: &Client, url: &str, application: usize, tag: &str) {
    let image = image(application);
    let body = json!({
        "image": image, "tag": tag, "status": "success", "created": "2026-11-01T10:00:00Z",
        "digest": format!("sha256:{}", hex::encode(Sha256::digest(format!("{image}:{tag}")))),
        "revision": "0123abc", "source": "https://git.example.com/shop/app",
    });
    let request = client.post(format!("{url}/api/v1/builds")).bearer_auth(TOKEN);
    let answer = request.header("Idempotency-Key", format!("{image}:{tag}")).json(&body).send();
    let answer = answer.expect("an answer");
    assert!(answer.status().is_success(), "{}: {}", answer.status(), answer.text().unwrap_or_default());
}

/// Sends builds of many applications, side by side.
pub(crate) fn builds(client: &Client, url: &str, applications: &[usize], tag: &str) {
    let next = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                while let Some(application) = applications.get(next.fetch_add(1, Ordering::Relaxed)) {
                    build(client, url, *application, tag);
                }
            });
        }
    });
}

impl Server {
    /// Starts it, and tells how long it took until it was ready.
    pub(crate) fn start(infra: &Infra) -> (Self, Duration) {
        let (text, url) = settings(infra);
        let file = infra.beside("settings.yaml");
        std::fs::write(&file, text).expect("settings");
        let begin = Instant::now();
        let log = File::options().create(true).append(true).open(infra.beside("log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command.arg("run").arg("--settings").arg(file).env("GANTRY_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("the server starts");
        let server = Self { child, url, client: client() };
        let ready = || server.client.get(format!("{}/readyz", server.url)).send();
        while !ready().is_ok_and(|answer| answer.status().is_success()) {
            assert!(begin.elapsed() < PATIENCE, "it does not get ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        (server, begin.elapsed())
    }

    pub(crate) fn build(&self, application: usize, tag: &str) {
        build(&self.client, &self.url, application, tag);
    }

    pub(crate) fn builds(&self, applications: &[usize], tag: &str) {
        builds(&self.client, &self.url, applications, tag);
    }

    /// A figure of `/proc/PID/status`, in MB.
    pub(crate) fn memory(&self, what: &str) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
        let kilobytes: f64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default();
        kilobytes / 1_000.0
    }

    /// What processors have worked for the process itself.
    pub(crate) fn work(&self) -> Duration {
        work_of(Path::new("/proc").join(self.child.id().to_string()).as_path())
    }

    /// Asks it to end, and tells how long it took.
    pub(crate) fn terminate(mut self) -> Duration {
        let begin = Instant::now();
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it lives");
        while self.child.try_wait().expect("its end").is_none() {
            assert!(begin.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        begin.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time of a process by `proc(5)`: fields 14 and 15 of its stat, in hundredths of a second.
fn work_of(process: &Path) -> Duration {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    let Some((_, fields)) = stat.rsplit_once(") ") else { return Duration::ZERO };
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
