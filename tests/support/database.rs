//! Fresh databases: a SQLite file always, a PostgreSQL database where `GANTRY_TEST_POSTGRES` names a server
//! (`postgres://user@host:port/database`, where the user may create databases).

use std::{
    future::Future,
    io::Write as _,
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

use gantry::store::SqlStore;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;
use url::Url;

/// The variable that names a PostgreSQL server.
const SERVER: &str = "GANTRY_TEST_POSTGRES";

/// One fresh database; a file goes with it.
pub(crate) struct Database {
    /// Its URL for [`SqlStore::open`].
    pub(crate) url: String,
    /// The folder of a SQLite file.
    pub(crate) folder: Option<TempDir>,
}

impl Database {
    /// A new SQLite file in a folder of its own.
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        Self { url: format!("sqlite://{}/deep/er/gantry.db", folder.path().display()), folder: Some(folder) }
    }

    /// Opens a store on it.
    pub(crate) async fn open(&self) -> SqlStore {
        SqlStore::open(&self.url).await.unwrap()
    }

    /// Whether it is on PostgreSQL.
    pub(crate) fn is_postgres(&self) -> bool {
        self.folder.is_none()
    }
}

/// Runs a story on each kind of database that there is.
pub(crate) async fn on_each<Story, Told>(story: Story)
where
    Story: Fn(Database) -> Told,
    Told: Future<Output = ()> + Send + 'static,
{
    story(Database::sqlite()).await;
    let Some(server) = postgres() else { return };
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("gantry_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut url = Url::parse(&server).unwrap();
    url.set_path(&name);
    run(&server, format!("CREATE DATABASE {name}")).await;
    let told = tokio::spawn(story(Database { url: url.into(), folder: None })).await;
    run(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(error) = told {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// The PostgreSQL server, where one is given; otherwise a line says, once, what is not tested.
fn postgres() -> Option<String> {
    let server = std::env::var(SERVER).ok();
    static SAID: Once = Once::new();
    if server.is_none() {
        // Past the capture of the test harness, so that a skip is seen.
        SAID.call_once(|| {
            let line = format!("skipped: store on PostgreSQL ({SERVER} is not set)\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        });
    }
    server
}

/// One statement on a connection of its own.
pub(crate) async fn run(url: &str, sql: String) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}
