//! What people asked for at a proposal: approvals and rejections, done at the forge in their name.

use crate::{
    act::Actor,
    forge::{Answered, ForgeError},
    intake::request::{Outcome, Request},
    observe::Asked,
    speak::Event,
};

impl Actor {
    /// Does what a person asked for and says what came of it. `None` for a request that is answered elsewhere.
    ///
    /// # Errors
    /// The forge's: the request waits for the next look.
    pub async fn answer(&self, asked: &Asked) -> Result<Option<Outcome>, ForgeError> {
        let (number, answered, event) = match &asked.request {
            Request::Approve { proposal, head, reason, .. } => {
                (*proposal, self.forge.approve(*proposal, head, &asked.by, reason).await?, Event::Approved)
            }
            Request::Reject { proposal, reason, .. } => {
                (*proposal, self.forge.reject(*proposal, &asked.by, reason).await?, Event::Rejected)
            }
            Request::Promote { .. } => return Ok(None),
        };
        let event = match answered {
            Answered::Done => event,
            Answered::Moved => Event::Moved,
            Answered::NotOpen => Event::NotOpen,
            Answered::Missing => Event::Missing,
        };
        let text = self.renderer.event(event, number, "", "", "");
        Ok(Some(Outcome { done: answered == Answered::Done, text }))
    }
}
