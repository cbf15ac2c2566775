//! Mail: one message to one person, over SMTP or into a folder that a developer reads.

mod compose;
mod error;
mod mailer;
mod outbox;
mod smtp;

use serde::{Deserialize, Serialize};

pub use error::{OutboxError, SendError, SetupError};
pub use mailer::Mailer;
pub use outbox::{Kept, Outbox};
pub use smtp::Smtp;

/// A mail to one person. The sender's address belongs to the [`Mailer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// A bare address: `ada@example.org`.
    pub to: String,
    pub subject: String,
    /// Plain text; every mail has it.
    pub text: String,
    /// The same again in HTML, for readers that prefer it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}
