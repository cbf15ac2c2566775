use crate::failure::{Failure, Outcome};

pub(crate) struct Options {
    pub(crate) dev: bool,
}

pub(crate) fn run(options: Options) -> Outcome {
    Err(Failure::new(format!("This checkout cannot build assets yet (dev: {}).", options.dev)))
}
