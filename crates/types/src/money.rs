use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of money in millionths of a US dollar.
///
/// Whole numbers only: a ledger that adds floating point numbers does not reconcile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
#[serde(transparent)]
pub struct MicroUsd(i64);

impl MicroUsd {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    #[must_use]
    pub const fn from_cents(cents: i32) -> Self {
        // An i32 of cents times 10,000 always fits an i64.
        Self(cents as i64 * 10_000)
    }

    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    #[must_use]
    pub fn checked_mul(self, times: i64) -> Option<Self> {
        self.0.checked_mul(times).map(Self)
    }

    /// Reads an amount that a person typed: `5`, `5.25`, `$5`. At most six decimals; never negative.
    #[must_use]
    pub fn parse_dollars(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
        let whole: i64 = whole.parse().ok()?;
        whole.checked_mul(1_000_000)?.checked_add(micros).map(Self)
    }

    /// The amount in dollars with `decimals` digits (at most six), cut, never rounded up: `24.00`.
    #[must_use]
    pub fn dollars(self, decimals: u32) -> String {
        let decimals = decimals.min(6);
        let micros = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = micros / 1_000_000;
        if decimals == 0 {
            return format!("{sign}{whole}");
        }
        let fraction = (micros % 1_000_000) / 10_u64.pow(6 - decimals);
        format!("{sign}{whole}.{fraction:0width$}", width = decimals as usize)
    }
}

impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ..0 => write!(f, "-${}", Self(self.0.saturating_neg()).dollars(2)),
            _ => write!(f, "${}", self.dollars(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_dollars() {
        assert_eq!(MicroUsd::from_cents(2400).to_string(), "$24.00");
        assert_eq!(MicroUsd::from_micros(41_234).dollars(4), "0.0412");
        assert_eq!(MicroUsd::from_micros(-1_500_000).to_string(), "-$1.50");
        assert_eq!(MicroUsd::from_micros(1_999_999).dollars(0), "1");
    }

    #[test]
    fn amounts_are_read_as_people_type_them() {
        let read = |text| MicroUsd::parse_dollars(text).map(MicroUsd::micros);
        assert_eq!(read(" $5 "), Some(5_000_000));
        assert_eq!(read("0.0412"), Some(41_200));
        assert_eq!(read("12.5"), Some(12_500_000));
        for bad in ["", "$", ".5", "-1", "1,5", "1.0000001", "9999999999999999", "1e3"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn sums_refuse_to_wrap() {
        assert_eq!(MicroUsd::from_micros(i64::MAX).checked_add(MicroUsd::from_micros(1)), None);
    }
}
