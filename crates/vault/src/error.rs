/// Why something could not be sealed or opened. None of them says anything about the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("the operating system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// Too short, or of a version that this program does not know.
    #[error("the sealed bytes have an unknown form")]
    Form,
    /// Wrapped by a master key that is not among those given.
    #[error("the master key {id} is not here")]
    MasterKeyMissing { id: String },
    #[error("the value was sealed with generation {sealed} of its key, and this is generation {given}")]
    OtherGeneration { sealed: u32, given: u32 },
    /// Changed, moved from another place, or sealed with another key.
    #[error("the sealed bytes do not belong here")]
    Tampered,
    /// Only beyond 256 GiB.
    #[error("the value is too long to be sealed")]
    TooLong,
}
