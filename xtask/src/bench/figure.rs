use crate::failure::{Failure, Outcome};

/// One measured number beside what it should be, printed as a line that a machine reads too.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
}

#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Figure {
    /// A value that is no number meets nothing.
    fn met(&self) -> bool {
        match self.goal {
            Goal::AtLeast(goal) => self.value >= goal,
            Goal::AtMost(goal) => self.value <= goal,
            Goal::Below(goal) => self.value < goal,
        }
    }
}

/// Prints the figures. A short one fails the bench where that is asked for, and nowhere else: a machine that is busy with
/// something else must not decide a test.
pub(crate) fn tell(figures: &[Figure], strict: bool) -> Outcome {
    figures.iter().for_each(|figure| println!("{figure}"));
    let short: Vec<&str> = figures.iter().filter(|figure| !figure.met()).map(|figure| figure.name.as_str()).collect();
    if !strict || short.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("Short of the goal: {}.", short.join(", "))))
}

impl std::fmt::Display for Figure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, goal) = match self.goal {
            Goal::AtLeast(goal) => (">=", goal),
            Goal::AtMost(goal) => ("<=", goal),
            Goal::Below(goal) => ("<", goal),
        };
        let verdict = if self.met() { "met" } else { "short" };
        write!(out, "figure {} {:.2} {} goal {sign} {goal} {verdict}", self.name, self.value, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: f64, goal: Goal) -> String {
        Figure { name: "pages.home.ratio".to_owned(), value, unit: "x", goal }.to_string()
    }

    #[test]
    fn a_short_figure_fails_a_strict_bench_alone() {
        let figure = |value| Figure { name: "pages.home.ratio".to_owned(), value, unit: "x", goal: Goal::AtLeast(0.3) };
        assert!(tell(&[figure(0.2)], false).is_ok());
        assert!(tell(&[figure(0.3)], true).is_ok());
        let refused = tell(&[figure(0.5), figure(0.2)], true).unwrap_err().to_string();
        assert_eq!(refused, "Short of the goal: pages.home.ratio.");
        assert!(tell(&[figure(f64::NAN)], true).is_err());
    }

    #[test]
    fn a_line_says_whether_its_goal_is_met() {
        assert_eq!(line(0.5, Goal::AtLeast(0.3)), "figure pages.home.ratio 0.50 x goal >= 0.3 met");
        assert_eq!(line(0.2, Goal::AtLeast(0.3)), "figure pages.home.ratio 0.20 x goal >= 0.3 short");
        assert_eq!(line(1.3, Goal::AtMost(1.3)), "figure pages.home.ratio 1.30 x goal <= 1.3 met");
        assert_eq!(line(20.0, Goal::Below(20.0)), "figure pages.home.ratio 20.00 x goal < 20 short");
    }
}
