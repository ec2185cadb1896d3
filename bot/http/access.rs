//! Who may do what: the one table that every route is bound to.
//!
//! A route can't be made without an [`Operation`], and the guard in [`super::guard`] asks [`Operation::roles`]
//! before a handler runs. There is no second place where a role is compared, so that a new route can't be
//! left open by forgetting a check (kargo CVE-2026-27111: missing authorization on approve and promote). A
//! test makes the whole matrix of role by route and compares it with a snapshot.

use axum::{extract::Request, http::HeaderMap};
use gantry_core::ids::ImageName;

use super::{peer, problem::Refusal, server::Server};
use crate::intake::token::{Role, Token, authenticate};

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Ask whether the process lives, or for files without data: everybody.
    Probe,
    /// Read what runs where, what is under way and why.
    Read,
    /// Read who did what.
    ReadAudit,
    /// Read the numbers for monitoring.
    ReadMetrics,
    /// Report a build. The token's images are checked too, once the body is read.
    ReportBuild,
    /// Ask for a promotion.
    Promote,
    /// Approve a proposal.
    Approve,
    /// Reject a proposal.
    Reject,
}

impl Operation {
    /// The roles that may; this is the table.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Probe | Self::Read => &[Role::Ci, Role::Viewer, Role::ReleaseManager],
            Self::ReadAudit | Self::ReadMetrics => &[Role::Viewer, Role::ReleaseManager],
            Self::ReportBuild => &[Role::Ci],
            Self::Promote | Self::Approve | Self::Reject => &[Role::ReleaseManager],
        }
    }

    /// Whether a request without a token may. `anonymous_read` is the server's setting of that name.
    #[must_use]
    pub fn anonymous(self, anonymous_read: bool) -> bool {
        match self {
            Self::Probe => true,
            Self::Read | Self::ReadAudit | Self::ReadMetrics => anonymous_read,
            Self::ReportBuild | Self::Promote | Self::Approve | Self::Reject => false,
        }
    }

    /// What it is, for a sentence: "this token may not ...".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Probe => "ask for the state of the process",
            Self::Read => "read",
            Self::ReadAudit => "read the audit log",
            Self::ReadMetrics => "read the metrics",
            Self::ReportBuild => "report builds",
            Self::Promote => "ask for promotions",
            Self::Approve => "approve proposals",
            Self::Reject => "reject proposals",
        }
    }
}

/// The word for a role in settings and messages.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Ci => "ci",
        Role::ReleaseManager => "release-manager",
        Role::Viewer => "viewer",
    }
}

/// Who asks: proof that the table was asked, since only [`admit`] makes one.
#[derive(Clone)]
pub(super) struct Caller {
    server: Server,
    /// The position of the token among the server's tokens; none without a token.
    token: Option<usize>,
}

impl Caller {
    fn token(&self) -> Option<&Token> {
        self.server.app.tokens.get(self.token?)
    }

    /// The token's name, under which requests are stored and recorded.
    pub(super) fn name(&self) -> &str {
        self.token().map_or("anonymous", |token| &token.name)
    }

    /// Refuses a build of an image that is not in the token's scope.
    pub(super) fn may_report(&self, image: &ImageName) -> Result<(), Refusal> {
        match self.token() {
            Some(token) if token.may_report(image) => Ok(()),
            _ => Err(Refusal::forbidden(
                format!("the token {:?} may not report builds of {image}", self.name()),
                "Ask the platform engineer to add the image to the token's `images` in the server's \
                 settings, or use the token of that team's CI.",
            )
            .field("image")),
        }
    }
}

/// Asks the table.
///
/// # Errors
/// 401 without a token or with one that is not known, 403 with one of another role, 421 for a name that is not this
/// server's, 429 for a token after too many wrong ones.
pub(super) fn admit(server: &Server, operation: Operation, request: &Request) -> Result<Caller, Refusal> {
    let app = &server.app;
    let anonymous = || Caller { server: server.clone(), token: None };
    if operation == Operation::Probe {
        // Credentials count for nothing here, so that wrong ones don't make a healthy server look ill.
        return Ok(anonymous());
    }
    let Some(position) = sender(server, request)? else {
        if !operation.anonymous(app.anonymous_read) {
            return Err(Refusal::no_token(operation));
        }
        if app.names.check {
            peer::asks_for(request, &app.names.hosts).map_err(|name| Refusal::wrong_host(&name))?;
        }
        return Ok(anonymous());
    };
    let Some(token) = app.tokens.get(position) else { return Err(Refusal::bad_token()) };
    if operation.roles().contains(&token.role) {
        return Ok(Caller { server: server.clone(), token: Some(position) });
    }
    // What may be read without any token may be read with each.
    if operation.anonymous(app.anonymous_read) {
        return Ok(anonymous());
    }
    let roles: Vec<&str> = operation.roles().iter().map(|role| role_name(*role)).collect();
    Err(Refusal::forbidden(
        format!(
            "the token {:?} has the role {} and may not {}",
            token.name,
            role_name(token.role),
            operation.words()
        ),
        &format!("Use a token of the role {}.", roles.join(" or ")),
    ))
}

/// The position of the sender's token; none without one. An unknown token is refused for reading too: whoever
/// sends one does not mean to be anonymous.
fn sender(server: &Server, request: &Request) -> Result<Option<usize>, Refusal> {
    let Some(text) = bearer(request.headers())? else { return Ok(None) };
    let app = &server.app;
    let (address, now) = (peer::client(request, &app.names.proxies), server.now());
    let found = authenticate(&app.tokens, text);
    let found = found.and_then(|found| app.tokens.iter().position(|token| std::ptr::eq(token, found)));
    match (server.budget.wait(address, now), found) {
        (None, Some(position)) => {
            server.budget.right(address, position, now);
            Ok(Some(position))
        }
        (Some(_), Some(position)) if server.budget.knows(address, position) => Ok(Some(position)),
        (Some(wait), _) => {
            app.metrics.wrong_token();
            Err(Refusal::too_many_tokens(wait))
        }
        (None, None) => {
            app.metrics.wrong_token();
            if server.budget.wrong(address, now) {
                tracing::warn!(%address, "too many wrong tokens; tokens from there have to wait");
            }
            Err(Refusal::bad_token())
        }
    }
}

/// The token of `Authorization: Bearer ...`; none without that header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(axum::http::header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::bad_token());
    }
    let text = value.to_str().map_err(|_| Refusal::bad_token())?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Refusal::bad_token()),
    }
}
