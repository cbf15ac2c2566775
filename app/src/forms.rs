use types::FieldError;

/// What is wrong with a form, field by field, in the order of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(Vec<FieldError>);

impl Errors {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    /// The first error of a field.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }

    /// The same, with what is wrong with `field` said at another, for a form that has no field of that name.
    #[must_use]
    pub fn renamed(mut self, field: &str, other: &str) -> Self {
        for error in self.0.iter_mut().filter(|error| error.field == field) {
            other.clone_into(&mut error.field);
        }
        self
    }

    /// Reads a whole number, or notes that it is none and answers zero.
    pub fn whole<N: std::str::FromStr + Default>(&mut self, field: &str, text: &str) -> N {
        text.trim().parse().unwrap_or_else(|_| {
            self.add(field, "Enter a whole number.");
            N::default()
        })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }
}

impl From<Vec<FieldError>> for Errors {
    fn from(errors: Vec<FieldError>) -> Self {
        Self(errors)
    }
}
