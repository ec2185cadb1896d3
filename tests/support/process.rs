//! The real binary as a server process that may be killed at any instruction, and what people send to it.
//!
//! Every start is on the same address, so that senders, which know nothing of a kill, only try again.

use std::{
    fs::{File, OpenOptions},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(crate) const CI: &str = "token-of-ci-0123456789";
pub(crate) const MANAGER: &str = "token-of-rita-0123456789";

/// How often something outside of this process is asked whether it is so by now.
pub(crate) const RECHECK: Duration = Duration::from_millis(20);

/// A folder with settings, and the process that runs on it, while one does.
pub(crate) struct Process {
    folder: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Process {
    /// Writes settings for one infra repository named `shop` into `folder`; starts nothing.
    pub(crate) fn new(folder: &Path, infra: &Path) -> Self {
        let address = own_address();
        let hash = |token: &str| hex::encode(Sha256::digest(token));
        let settings = format!(
            "listen: {address}\ndata: data\npoll: 1s\n\
             repositories:\n  - {{name: shop, url: 'file://{}'}}\n\
             tokens:\n  - {{name: shop-ci, sha256: {}, role: ci, images: ['registry.example.com/shop/**']}}\n  \
             - {{name: rita, sha256: {}, role: release-manager}}\n",
            infra.display(),
            hash(CI),
            hash(MANAGER),
        );
        std::fs::write(folder.join("settings.yaml"), settings).unwrap();
        Self { folder: folder.to_owned(), address, child: None }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn visitor(&self) -> Visitor {
        // A connection is made for each request: one to a dead process would only fail.
        let client = Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(30));
        Visitor { url: format!("http://{}", self.address), client: client.build().unwrap() }
    }

    /// What all processes wrote to standard error.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    pub(crate) fn start(&mut self) {
        self.run(Command::new(env!("CARGO_BIN_EXE_gantry")));
    }

    /// Starts it on what is to it a full disk: no file of its may grow beyond this many bytes, a multiple of 512.
    pub(crate) fn start_on_full_disk(&mut self, bytes: usize) {
        // The shell's unit is 512 bytes by POSIX; the signal that would end the process becomes an error.
        let script = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", &(bytes / 512).to_string(), env!("CARGO_BIN_EXE_gantry")]);
        self.run(command);
    }

    /// Waits until it has ended by itself; says whether with success.
    pub(crate) fn succeeds(&mut self) -> bool {
        self.child.take().expect("it was started").wait().unwrap().success()
    }

    fn run(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "one runs already");
        let log: File = OpenOptions::new().create(true).append(true).open(self.folder.join("log")).unwrap();
        command.arg("run").arg("--settings").arg(self.folder.join("settings.yaml"));
        command.env_clear().env("GANTRY_LOG", "warn").env("PATH", std::env::var_os("PATH").unwrap());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// SIGKILL. A process that has ended by itself before is a failure of the test.
    pub(crate) fn kill(&mut self) {
        self.must_live();
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, which asks it to end.
    pub(crate) fn terminate(&mut self) {
        self.must_live();
        let child = self.child.as_ref().unwrap();
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Whether it has ended; how.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        let status = self.child.as_mut()?.try_wait().unwrap()?;
        self.child = None;
        Some(status)
    }

    /// Waits until it is ready and says for how long.
    pub(crate) async fn ready(&mut self) -> Duration {
        let (begin, visitor) = (Instant::now(), self.visitor());
        while visitor.get("/readyz").await.is_none() {
            self.must_live();
            assert!(begin.elapsed() < Duration::from_secs(60), "it does not get ready: {}", self.log());
            tokio::time::sleep(RECHECK).await;
        }
        begin.elapsed()
    }

    /// A process that has ended by itself is a failure of the test.
    pub(crate) fn must_live(&mut self) {
        let ended = self.child.as_mut().expect("it was started").try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself: {ended:?}: {}", self.log());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An address that stays ours while no process listens on it. Other tests bind ports of 127.0.0.1 all the time;
/// on Linux all of 127/8 is this machine's, so that an address of our own is out of their way, and a port below
/// those that the system gives out is out of the way of whoever binds all addresses.
fn own_address() -> SocketAddr {
    let ip = if cfg!(target_os = "linux") { Ipv4Addr::new(127, 83, 76, 1) } else { Ipv4Addr::LOCALHOST };
    let first = u16::try_from(std::process::id() % 9_000).unwrap() + 10_000;
    let free = (first..20_000).find_map(|port| TcpListener::bind((IpAddr::V4(ip), port)).ok());
    free.expect("a free port").local_addr().unwrap()
}

/// Somebody who speaks to the server over HTTP, whether it is there or not.
#[derive(Clone)]
pub(crate) struct Visitor {
    url: String,
    client: Client,
}

impl Visitor {
    /// The status and the body of whatever it answers; none if nobody answered.
    pub(crate) async fn ask(&self, path: &str) -> Option<(StatusCode, Value)> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.ok()?;
        let status = answer.status();
        Some((status, answer.json().await.unwrap_or(Value::Null)))
    }

    /// The body of a 200; none if nobody answered, or not so.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        answer.json().await.ok()
    }

    /// The status of the answer; none if nobody answered.
    pub(crate) async fn status(&self, path: &str) -> Option<StatusCode> {
        Some(self.client.get(format!("{}{path}", self.url)).send().await.ok()?.status())
    }

    /// All items of a list.
    pub(crate) async fn items(&self, path: &str) -> Option<Vec<Value>> {
        let page = self.get(&format!("{path}?limit=500")).await?;
        assert!(page["next"].is_null(), "{path} has more than one page");
        Some(page["items"].as_array().unwrap().clone())
    }

    /// The status and the body of a POST; none if nobody answered to the end.
    pub(crate) async fn post(
        &self,
        path: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> Option<(StatusCode, Value)> {
        let request: RequestBuilder = self.client.post(format!("{}{path}", self.url));
        let answer =
            request.bearer_auth(token).header("Idempotency-Key", key).json(body).send().await.ok()?;
        let status = answer.status();
        // The status alone acknowledges: the sender may lose the body to a kill.
        Some((status, answer.json().await.unwrap_or(Value::Null)))
    }
}
