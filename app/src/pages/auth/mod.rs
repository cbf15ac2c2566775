//! Getting in: every page is one form, the same for known and unknown addresses, and works without a script.

pub mod invitation;
pub mod password;
pub mod reset;
pub mod sign_in;
pub mod sign_up;
pub mod verify;
