//! Renders what the bot says, from `templates/`: reasons, commits, proposals, pages.
