//! What people asked for at a proposal: approvals and rejections, done at the forge in their name.

use crate::{
    act::Actor,
    forge::{Answered, ForgeError},
    intake::request::{Outcome, Request},
    observe::Asked,
};

impl Actor {
    /// Does what a person asked for and says what came of it. `None` for a request that is answered elsewhere.
    ///
    /// # Errors
    /// The forge's: the request waits for the next look.
    pub async fn answer(&self, asked: &Asked) -> Result<Option<Outcome>, ForgeError> {
        let (number, answered, action) = match &asked.request {
            Request::Approve { proposal, head, .. } => {
                (*proposal, self.forge.approve(*proposal, head, &asked.by).await?, "approved")
            }
            Request::Reject { proposal, reason, .. } => {
                (*proposal, self.forge.reject(*proposal, &asked.by, reason).await?, "rejected")
            }
            Request::Promote { .. } => return Ok(None),
        };
        let word = match answered {
            Answered::Done => action,
            Answered::Moved => "moved",
            Answered::NotOpen => "not-open",
            Answered::Missing => "missing",
        };
        let text = self.voice.event("answer", &serde_json::json!({ "is": word, "number": number }));
        Ok(Some(Outcome { done: answered == Answered::Done, text }))
    }
}
