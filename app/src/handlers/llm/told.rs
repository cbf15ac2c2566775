use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use gateway::{
    CallError, Refused,
    face::{Fault, Format, Situation},
};
use http::{HeaderMap, StatusCode};
use orchestrator::Error;
use types::UserError;

use crate::failure::Failure;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Told {
    Fault(Fault),
    /// A provider's own refusal of what the client asked for, in the client's own format.
    Own(Box<(StatusCode, HeaderMap, Bytes)>),
    /// Something of ours; its cause is for the log.
    Failed(Error),
}

impl From<Fault> for Told {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        let sentence = || {
            let told = error.for_user();
            let way_out = told.way_out.map_or_else(String::new, |way_out| format!(" {way_out}"));
            format!("{}{way_out}", told.message)
        };
        let fault = match &error {
            Error::SignedOut => Fault::new(
                Situation::Unauthorized,
                "This is no key of this Muster that works. Make one under Models and keys of your team.",
            ),
            Error::NotFound => Fault::new(
                Situation::ModelNotFound,
                "The team has no model of this name. Ask for the list of models to see those it has.",
            ),
            // Calls under way hold the rest back, and give some of it back soon.
            Error::Budget(refusal) if refusal.may_pass() => {
                Fault::new(Situation::RateLimited, sentence()).after(Some(std::time::Duration::from_secs(2)))
            }
            Error::AgentLimit(refusal) if refusal.may_pass() => {
                Fault::new(Situation::RateLimited, sentence()).after(Some(std::time::Duration::from_secs(2)))
            }
            Error::Budget(_) | Error::AgentLimit(_) | Error::Paused(_) => Fault::new(Situation::OverBudget, sentence()),
            Error::TooManyAttempts { retry_after } => {
                Fault::new(Situation::RateLimited, sentence()).after(Some(*retry_after))
            }
            Error::Busy => Fault::new(Situation::Overloaded, sentence()),
            Error::Denied(_) | Error::NotAllowed(_) => Fault::new(Situation::Forbidden, sentence()),
            Error::Invalid(_) | Error::Refused(_) => Fault::new(Situation::BadRequest, sentence()),
            Error::Unreachable(_) | Error::Internal(_) => return Self::Failed(error),
        };
        Self::Fault(fault)
    }
}

impl From<&CallError> for Told {
    fn from(error: &CallError) -> Self {
        Self::Fault(Fault::from(error))
    }
}

impl From<Refused> for Told {
    fn from(refused: Refused) -> Self {
        match (&refused.error, refused.answer) {
            // About the request alone, and so for whoever wrote it.
            (
                CallError::BadRequest { .. } | CallError::ContextTooLong { .. } | CallError::ModelNotFound { .. },
                Some(answer),
            ) => Self::Own(Box::new(answer)),
            _ => Self::from(&refused.error),
        }
    }
}

impl Told {
    pub(super) fn into_response(self, format: Format) -> Response {
        match self {
            Self::Own(answer) => {
                let (status, headers, body) = *answer;
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
            Self::Fault(fault) => answer(&fault, format),
            Self::Failed(error) => {
                let told = error.for_user();
                let down = matches!(error, Error::Unreachable(_));
                let situation = if down { Situation::Overloaded } else { Situation::Internal };
                let mut response = answer(&Fault::new(situation, told.message), format);
                // For the log around us, which names the cause once; the words are ours and become no page.
                let mut failure = Failure::from(error).into_response();
                failure.extensions_mut().remove::<UserError>();
                *response.extensions_mut() = std::mem::take(failure.extensions_mut());
                response
            }
        }
    }
}

fn answer(fault: &Fault, format: Format) -> Response {
    let (status, headers, body) = fault.answer(format);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
