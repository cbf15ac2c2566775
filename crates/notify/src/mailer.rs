use std::sync::Arc;

use crate::{Message, Outbox, SendError, Smtp};

/// Where mail goes. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Mailer {
    Smtp(Arc<Smtp>),
    /// For development: nothing leaves the machine.
    Outbox(Outbox),
}

impl Mailer {
    /// Hands one mail over.
    ///
    /// # Errors
    ///
    /// [`SendError::is_permanent`] tells whether trying again can help.
    pub async fn send(&self, message: Message) -> Result<(), SendError> {
        match self {
            Self::Smtp(smtp) => smtp.send(message).await,
            Self::Outbox(outbox) => outbox.keep(message).await,
        }
    }

    /// Whether a mail could be handed over now, without sending one: connects, greets and signs in, or writes to the folder.
    ///
    /// # Errors
    ///
    /// What stands in the way.
    pub async fn check(&self) -> Result<(), SendError> {
        match self {
            Self::Smtp(smtp) => smtp.check().await,
            Self::Outbox(outbox) => Ok(outbox.check().await?),
        }
    }
}

impl From<Smtp> for Mailer {
    fn from(smtp: Smtp) -> Self {
        Self::Smtp(Arc::new(smtp))
    }
}

impl From<Outbox> for Mailer {
    fn from(outbox: Outbox) -> Self {
        Self::Outbox(outbox)
    }
}
