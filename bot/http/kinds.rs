//! The kinds of problems, and what each means.
//!
//! The `type` of a refusal is a path of this server, `/problems/KIND`, which [`super::api::problems`] answers.

/// Where the kinds are explained.
pub(super) const FOLDER: &str = "/problems/";

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The last part of its path.
    pub(super) name: &'static str,
    pub(super) status: u16,
    pub(super) title: &'static str,
    /// What it means.
    pub(super) means: &'static str,
    /// Who must act.
    pub(super) who: &'static str,
    /// What they do.
    pub(super) act: &'static str,
}

macro_rules! kinds {
    ($($constant:ident = $name:literal $status:literal $title:literal: $means:literal, $who:literal: $act:literal;)*) => {
        $(pub(super) const $constant: Kind =
            Kind { name: $name, status: $status, title: $title, means: $means, who: $who, act: $act };)*
        /// All of them, by status.
        pub(super) const ALL: &[&Kind] = &[$(&$constant),*];
    };
}

kinds! {
    MALFORMED = "malformed" 400 "The request can't be understood":
        "The body, a header or a parameter is not written as the API describes it.",
        "The sender": "Correct the part that `detail` or `field` names, and send the request again.";
    NO_TOKEN = "no-token" 401 "A token is needed":
        "Only known callers may do this.",
        "The sender": "Send `Authorization: Bearer TOKEN`. The platform engineer gives out tokens.";
    BAD_TOKEN = "bad-token" 401 "The token is not known":
        "The token is not one of those in the server's settings, or it came in another form than `Bearer TOKEN`.",
        "The sender": "Check that the token is whole; ask the platform engineer whether it is still valid.";
    FORBIDDEN = "forbidden" 403 "Not with this token":
        "The token is known, and its role or its list of images does not allow this.",
        "The sender": "Use a token with the role that `hint` names, or ask the platform engineer to extend this one.";
    NOT_FOUND = "not-found" 404 "There is no such thing":
        "The path leads nowhere, or names an application, environment, proposal or request that is not known.",
        "The sender": "Check the names in the path; lists of what there is are under /api/v1/.";
    WRONG_METHOD = "wrong-method" 405 "Not by this method":
        "The path exists, and is not used with that method.",
        "The sender": "Use one of the methods in the header Allow.";
    SLOW = "slow" 408 "The body came too slowly":
        "The body of the request did not come whole in time; nothing was stored.",
        "The sender": "Send the request again, and check the network between here and the server.";
    CONFLICT = "conflict" 409 "It can't be done as things stand":
        "The request is valid, and what it is about has changed or does not allow it now.",
        "The sender": "Read the present state and decide again.";
    TOO_LARGE = "too-large" 413 "The body is too large":
        "The body has more bytes than the server reads; nothing was stored.",
        "The sender": "Send only the fields that the API describes.";
    WRONG_TYPE = "wrong-type" 415 "The body has another type":
        "The body is not declared as JSON.",
        "The sender": "Send JSON with the header `Content-Type: application/json`.";
    WRONG_HOST = "wrong-host" 421 "Not under this name":
        "Without a token one may read here only under a name of this machine or of the server's settings. Otherwise a \
         page on the Web could read it through somebody's browser.",
        "The platform engineer": "Add the name to `http.hosts` in the settings if people are to use it; or send a token.";
    SENSELESS = "senseless" 422 "The request makes no sense as it is":
        "The request is understood, and a value in it can't be used.",
        "The sender": "Correct the field that `field` names, and send the request again.";
    TOO_MANY_TOKENS = "too-many-wrong-tokens" 429 "Too many wrong tokens":
        "Too many wrong tokens came from this address, so that tokens from there are not looked at for a while.",
        "The sender": "Wait as long as Retry-After says, and correct the client that sends the wrong token. Behind a \
         proxy all clients have its address, unless the platform engineer names the proxy in `http.trusted_proxies`.";
    OURS = "ours" 500 "Gantry made a mistake":
        "The request could not be answered because of a fault in Gantry.",
        "Whoever runs Gantry": "Look in the log for the id in the header X-Request-Id, and report the fault.";
    BUSY = "busy" 503 "Not now":
        "The server can't answer at present: it has just started, its database does not answer or its disk is full, or \
         as many connections are open as the settings allow. Nothing was stored.",
        "The sender": "Send the request again after the time in Retry-After. If it goes on, tell whoever runs Gantry.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_of_paths_and_unique() {
        for (index, kind) in ALL.iter().enumerate() {
            assert!(kind.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", kind.name);
            assert!(ALL[..index].iter().all(|other| other.name != kind.name), "{}", kind.name);
            assert!((400..600).contains(&kind.status), "{}", kind.name);
        }
    }
}
