//! The server's own settings.
