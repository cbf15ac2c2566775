/// Where a sealed value belongs. It opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// What the value is for.
    pub purpose: &'a str,
    /// Whose it is.
    pub owner: &'a [u8],
    pub row: &'a [u8],
    pub field: &'a str,
}

impl Place<'_> {
    /// The header and every part, each led by its length, so that no two places read the same.
    pub(crate) fn bound_to(&self, header: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [header, self.purpose.as_bytes(), self.owner, self.row, self.field.as_bytes()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}
