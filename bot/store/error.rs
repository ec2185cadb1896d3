//! Why the store could not do it, and who must act.
//!
//! The driver's codes are sorted once, here. The text of an error never holds the database's URL as it was
//! given, for that may hold a password; it names the database by `SqlStore::place`.

use std::borrow::Cow;

use sqlx::migrate::MigrateError;

/// SQLite's code for a file system that says it is damaged.
const IOERR_CORRUPTFS: u32 = 10 | (33 << 8);

/// Why the store could not do it. Each text says who must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database's URL in the settings cannot be used.
    #[error("the database URL cannot be used: {reason}; correct it in the settings")]
    Settings {
        /// What is wrong with it, without the URL itself.
        reason: String,
    },
    /// The value given breaks a bound of the store. Nothing was stored.
    #[error("{field} cannot be stored: {reason}; the sender must correct it")]
    Refused {
        /// Which value, by the name that its sender knows.
        field: &'static str,
        /// The bound that it breaks.
        reason: String,
    },
    /// The database does not answer, or not in time.
    #[error(
        "the database {place} does not answer ({cause}); Gantry tries again by itself, an operator should see \
         that it is up and can be reached"
    )]
    Unreachable {
        /// Which database, without user or password.
        place: String,
        /// What the driver says.
        cause: String,
    },
    /// Another process holds the database longer than Gantry waits.
    #[error(
        "the database {place} is busy ({cause}); Gantry tries again by itself, an operator should see which \
         other process uses it"
    )]
    Busy {
        /// Which database.
        place: String,
        /// What the driver says.
        cause: String,
    },
    /// No space is left for the database. What was acknowledged is kept; nothing new is accepted.
    #[error("the database {place} is full ({cause}); an operator must make room on its disk")]
    Full {
        /// Which database.
        place: String,
        /// What the driver says.
        cause: String,
    },
    /// The disk under the database did not read or write. What was acknowledged is kept, as far as the disk has it.
    #[error(
        "the disk under the database {place} failed ({cause}); an operator should see whether it is full, read-only or \
         failing; the database stays where it is"
    )]
    Disk {
        /// Which database.
        place: String,
        /// What the driver says.
        cause: String,
    },
    /// The database may not be read or written, or does not exist.
    #[error(
        "the database {place} refuses Gantry ({cause}); an operator must grant access or correct the settings"
    )]
    Denied {
        /// Which database.
        place: String,
        /// What the driver says.
        cause: String,
    },
    /// The database holds what Gantry did not write, or a file is damaged.
    #[error(
        "the database {place} is damaged ({cause}); an operator should stop Gantry, move the database away and \
         start again: all but the audit log and unread requests is found again from Git and the registries"
    )]
    Damaged {
        /// Which database.
        place: String,
        /// What does not fit.
        cause: String,
    },
    /// The database was made by another version of Gantry.
    #[error(
        "the database {place} was made by another version of Gantry ({cause}); an operator must run that version or a newer one"
    )]
    OtherVersion {
        /// Which database.
        place: String,
        /// Which migration does not fit.
        cause: String,
    },
    /// None of the above: a fault in Gantry.
    #[error(
        "the database {place} refused a query of Gantry's own ({cause}); this is a fault in Gantry, please report it"
    )]
    Fault {
        /// Which database.
        place: String,
        /// What the driver says.
        cause: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later with nobody changing the call: an HTTP side answers 503 for
    /// these, and the loop goes on.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Full { .. } | Self::Disk { .. } => true,
            Self::Settings { .. }
            | Self::Refused { .. }
            | Self::Denied { .. }
            | Self::Damaged { .. }
            | Self::OtherVersion { .. }
            | Self::Fault { .. } => false,
        }
    }

    /// Sorts an error of the driver; `place` names the database without secrets.
    pub(super) fn from_driver(place: &str, error: &sqlx::Error) -> Self {
        let place = place.to_owned();
        let cause = cut(&error.to_string());
        match error {
            sqlx::Error::Database(inner) => Self::from_code(place, cause, inner.code()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed => Self::Unreachable { place, cause },
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::AnyDriverError(_)
            | sqlx::Error::RowNotFound => Self::Damaged { place, cause },
            sqlx::Error::Configuration(_) => Self::Settings { reason: cause },
            sqlx::Error::Migrate(inner) => Self::from_migration(&place, inner),
            // The driver's enum is open; the rest of it are mistakes in queries.
            _ => Self::Fault { place, cause },
        }
    }

    /// Sorts an error met while applying migrations.
    pub(super) fn from_migration(place: &str, error: &MigrateError) -> Self {
        match error {
            MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) => {
                Self::from_driver(place, inner)
            }
            MigrateError::VersionMissing(_)
            | MigrateError::VersionMismatch(_)
            | MigrateError::VersionTooNew(..)
            | MigrateError::VersionTooOld(..) => {
                Self::OtherVersion { place: place.to_owned(), cause: cut(&error.to_string()) }
            }
            MigrateError::Dirty(_) => {
                Self::Damaged { place: place.to_owned(), cause: cut(&error.to_string()) }
            }
            _ => Self::Fault { place: place.to_owned(), cause: cut(&error.to_string()) },
        }
    }

    /// SQLite gives its result code in decimal, PostgreSQL a five-character SQLSTATE. SQLite's extended codes
    /// keep the primary code in the low byte (sqlite.org/rescode.html); a SQLSTATE's first two characters are
    /// its class (PostgreSQL manual, appendix A).
    fn from_code(place: String, cause: String, code: Option<Cow<'_, str>>) -> Self {
        let code = code.unwrap_or_default();
        if code.len() == 5 {
            return match &*code {
                "25006" | "3D000" => Self::Denied { place, cause },
                "40001" | "40P01" | "55P03" | "57014" => Self::Busy { place, cause },
                "53100" => Self::Full { place, cause },
                "22021" => Self::Refused { field: "text", reason: cause },
                _ => match &code[..2] {
                    "08" | "53" | "57" => Self::Unreachable { place, cause },
                    "28" | "42" if code == "42501" || code.starts_with("28") => Self::Denied { place, cause },
                    "58" | "XX" => Self::Damaged { place, cause },
                    _ => Self::Fault { place, cause },
                },
            };
        }
        let code = code.parse::<u32>().unwrap_or_default();
        // The file system itself says that it is damaged; any other failure to read or write is the disk's.
        if code == IOERR_CORRUPTFS {
            return Self::Damaged { place, cause };
        }
        match code & 0xff {
            5 | 6 => Self::Busy { place, cause },
            10 => Self::Disk { place, cause },
            13 => Self::Full { place, cause },
            3 | 8 | 14 | 23 => Self::Denied { place, cause },
            11 | 26 => Self::Damaged { place, cause },
            _ => Self::Fault { place, cause },
        }
    }
}

/// At most 300 characters of what a driver says: it may quote values, and goes into logs.
fn cut(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_say_who_must_act() {
        let sorted =
            |code: &'static str| StoreError::from_code("db".into(), "why".into(), Some(Cow::Borrowed(code)));
        for (code, part) in [
            ("5", "is busy"),
            ("261", "is busy"),
            ("13", "make room"),
            ("53100", "make room"),
            ("8", "grant access"),
            ("1032", "grant access"),
            ("42501", "grant access"),
            ("28P01", "grant access"),
            ("11", "is damaged"),
            ("8458", "is damaged"),
            // A full disk shows as any of these, of which none is damage.
            ("10", "is full, read-only or failing"),
            ("778", "is full, read-only or failing"),
            ("4874", "is full, read-only or failing"),
            ("57P01", "does not answer"),
            ("42601", "fault in Gantry"),
            ("1", "fault in Gantry"),
        ] {
            assert!(sorted(code).to_string().contains(part), "{code}: {}", sorted(code));
        }
        for code in ["10", "778", "4874", "13"] {
            let text = sorted(code).to_string();
            assert!(!text.contains("move the database away") && !text.contains("damaged"), "{text}");
        }
        assert!(sorted("13").is_temporary() && sorted("778").is_temporary() && !sorted("11").is_temporary());
    }
}
