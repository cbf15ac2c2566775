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

impl std::fmt::Display for Figure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, goal, met) = match self.goal {
            Goal::AtLeast(goal) => (">=", goal, self.value >= goal),
            Goal::AtMost(goal) => ("<=", goal, self.value <= goal),
            Goal::Below(goal) => ("<", goal, self.value < goal),
        };
        let verdict = if met { "met" } else { "short" };
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
    fn a_line_says_whether_its_goal_is_met() {
        assert_eq!(line(0.5, Goal::AtLeast(0.3)), "figure pages.home.ratio 0.50 x goal >= 0.3 met");
        assert_eq!(line(0.2, Goal::AtLeast(0.3)), "figure pages.home.ratio 0.20 x goal >= 0.3 short");
        assert_eq!(line(1.3, Goal::AtMost(1.3)), "figure pages.home.ratio 1.30 x goal <= 1.3 met");
        assert_eq!(line(20.0, Goal::Below(20.0)), "figure pages.home.ratio 20.00 x goal < 20 short");
    }
}
