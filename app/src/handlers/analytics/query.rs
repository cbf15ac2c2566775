use orchestrator::{
    Error,
    analytics::{By, Filter, Of, Range},
};
use serde::Deserialize;
use time::{Date, macros::format_description};

use crate::{
    failure::encode,
    forms::Errors,
    pages::analytics::{Asked, PRESETS},
};

/// What an address of these pages names, as it was typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AnalyticsQuery {
    pub(super) range: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) by: String,
    pub(super) show: String,
    pub(super) project: String,
    pub(super) squad: String,
    pub(super) agent: String,
    pub(super) model: String,
    /// The model that might have been used instead.
    pub(super) instead: String,
    pub(super) cause: String,
    pub(super) waste: String,
}

/// Where none is asked for.
const USUAL: Range = Range::Last(30);

impl AnalyticsQuery {
    pub(super) fn range(&self, errors: &mut Errors) -> Range {
        let mut day = |field: &'static str, text: &str| {
            let read = Date::parse(text.trim(), format_description!("[year]-[month]-[day]"));
            read.map_err(|_| errors.add(field, "Enter a day as 2026-11-21.")).ok()
        };
        if !self.from.trim().is_empty() || !self.to.trim().is_empty() {
            let (from, to) = (day("from", &self.from), day("to", &self.to));
            return from.zip(to).map_or(USUAL, |(from, to)| Range::Days(from, to));
        }
        if self.range.is_empty() {
            return USUAL;
        }
        let named = PRESETS.iter().find(|(name, ..)| *name == self.range);
        named.map_or_else(
            || {
                errors.add("", "The address names a range that does not exist. Choose one of those on the page.");
                USUAL
            },
            |(.., range)| *range,
        )
    }

    pub(super) fn by(&self, errors: &mut Errors) -> By {
        if self.by.is_empty() {
            return By::default();
        }
        By::parse(&self.by).unwrap_or_else(|| {
            errors
                .add("", "Spending is shown by project, squad, agent, model or day. Choose one of those on the page.");
            By::default()
        })
    }

    pub(super) fn filter(&self) -> Result<Filter, Error> {
        let model = self.model.trim();
        Ok(Filter {
            project: Of::parse(&self.project)?,
            squad: Of::parse(&self.squad)?,
            agent: Of::parse(&self.agent)?,
            model: (!model.is_empty()).then(|| model.to_owned()),
        })
    }

    /// The same for the page, whose links change a part of it each.
    pub(super) fn asked(&self) -> Asked {
        let fields = [
            ("range", &self.range),
            ("from", &self.from),
            ("to", &self.to),
            ("by", &self.by),
            ("show", &self.show),
            ("project", &self.project),
            ("squad", &self.squad),
            ("agent", &self.agent),
            ("model", &self.model),
            ("instead", &self.instead),
            ("cause", &self.cause),
            ("waste", &self.waste),
        ];
        Asked::new(fields.map(|(name, value)| (name, value.trim().to_owned())).into(), encode)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn query(range: &str, from: &str, to: &str) -> (Range, usize) {
        let query =
            AnalyticsQuery { range: range.into(), from: from.into(), to: to.into(), ..AnalyticsQuery::default() };
        let mut errors = Errors::new();
        (query.range(&mut errors), errors.iter().count())
    }

    #[test]
    fn days_that_are_named_come_before_a_preset() {
        assert_eq!(query("", "", ""), (Range::Last(30), 0));
        assert_eq!(query("90d", "", ""), (Range::Last(90), 0));
        assert_eq!(
            query("90d", "2026-11-01", "2026-11-02").0,
            Range::Days(date!(2026 - 11 - 01), date!(2026 - 11 - 02))
        );
        assert_eq!(query("", "2026-11-01", "").1, 1);
        assert_eq!(query("", "soon", "2026-02-30").1, 2);
        assert_eq!(query("5y", "", "").1, 1);
    }
}
