//! Renders what the bot says, from templates/.
