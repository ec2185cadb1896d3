//! Watches `main` from outside: which promotion was there when.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::infra::at;

/// Application and environment.
type Place = (String, String);

/// The promotions on `main` since it was started.
pub(crate) struct Watch {
    seen: Arc<Mutex<HashMap<Place, Vec<Instant>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches from now on.
    pub(crate) fn start(path: PathBuf) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(HashMap::new())), Arc::new(AtomicBool::new(false)));
        let (of_thread, until) = (Arc::clone(&seen), Arc::clone(&stop));
        let mut head = at(&path, &["rev-parse", "main"]);
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                let now = head_of(&path).unwrap_or_else(|| head.clone());
                if now == head {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                let when = Instant::now();
                let trailer = |key: &str| format!("%(trailers:key=Gantry-{key},valueonly,separator=)");
                let format = format!("--format={} {}", trailer("Application"), trailer("Environment"));
                let log = at(&path, &["log", "--first-parent", &format, &format!("{head}..{now}")]);
                let mut seen = of_thread.lock().expect("no panic");
                for (application, environment) in log.lines().filter_map(|line| line.split_once(' ')) {
                    let place = (application.to_owned(), environment.to_owned());
                    seen.entry(place).or_insert_with(Vec::new).push(when);
                }
                head = now;
            }
        });
        Self { seen, stop, thread: Some(thread) }
    }

    /// When the last of the promotions of these places landed, of which there must be `times` each.
    fn all(&self, applications: &[String], environment: &str, times: usize) -> Option<Instant> {
        let seen = self.seen.lock().expect("no panic");
        let mut last = None;
        for application in applications {
            let landed = seen.get(&(application.clone(), environment.to_owned()))?.get(times - 1)?;
            last = last.max(Some(*landed));
        }
        last
    }

    /// How many of them have landed.
    pub(crate) fn count(&self, environment: &str) -> usize {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().filter(|((_, at), _)| at == environment).map(|(_, times)| times.len()).sum()
    }

    /// Waits for all of them.
    pub(crate) fn wait(&self, applications: &[String], environment: &str, times: usize) -> Instant {
        let begin = Instant::now();
        loop {
            if let Some(last) = self.all(applications, environment, times) {
                return last;
            }
            assert!(begin.elapsed() < Duration::from_secs(600), "{environment}: not all have landed");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// When one landed.
    pub(crate) fn when(&self, application: &str, environment: &str) -> Option<Instant> {
        self.all(&[application.to_owned()], environment, 1)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The head of `main` without a process: the file of its own that it has since it was pushed to.
fn head_of(path: &std::path::Path) -> Option<String> {
    Some(std::fs::read_to_string(path.join("refs/heads/main")).ok()?.trim().to_owned())
}
