use crate::failure::{Failure, Outcome};

pub(crate) fn run(name: &str) -> Outcome {
    Err(Failure::new(format!("There is no bench named {name}.")))
}
