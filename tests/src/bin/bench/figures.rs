//! What was measured, what it should be, and whether it is.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// The unit of a figure; says how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A part of what the other tool takes.
    Ratio,
    /// How many.
    Count,
    /// Microseconds.
    #[cfg_attr(not(feature = "evaluate"), expect(dead_code, reason = "the unit of that benchmark"))]
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// MiB.
    Mebibytes,
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2}"),
            Self::Count => format!("{value:.0}"),
            Self::Micros => format!("{value:.1} µs"),
            Self::Millis => format!("{value:.1} ms"),
            Self::Seconds => format!("{value:.3} s"),
            Self::Mebibytes => format!("{value:.1} MiB"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Count => "count",
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Mebibytes => "MiB",
        }
    }
}

#[derive(Clone, Debug)]
struct Figure {
    measure: &'static str,
    name: String,
    value: f64,
    unit: Unit,
    /// The most that it may be.
    target: Option<f64>,
}

impl Figure {
    fn met(&self) -> Option<bool> {
        // Rounded as it is shown, so that a figure never misses a target that it seems to meet.
        let shown = |value: f64| (value * 100.0).round();
        self.target.map(|target| shown(self.value) <= shown(target))
    }
}

/// All figures of a run, and how to read them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    figures: Vec<Figure>,
    notes: Vec<(&'static str, String)>,
}

impl Figures {
    /// A figure that is held against the most it may be.
    pub(crate) fn at_most(&mut self, measure: &'static str, name: impl Into<String>, unit: Unit, value: f64, target: f64) {
        self.figures.push(Figure { measure, name: name.into(), value, unit, target: Some(target) });
    }

    /// A figure that explains another.
    pub(crate) fn show(&mut self, measure: &'static str, name: impl Into<String>, unit: Unit, value: f64) {
        self.figures.push(Figure { measure, name: name.into(), value, unit, target: None });
    }

    /// How the figures of a measure came about.
    pub(crate) fn note(&mut self, measure: &'static str, text: impl Into<String>) {
        self.notes.push((measure, text.into()));
    }

    /// How many targets are missed.
    pub(crate) fn missed(&self) -> usize {
        self.figures.iter().filter(|figure| figure.met() == Some(false)).count()
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or_default();
        let mut text = String::new();
        let mut measure = "";
        for figure in &self.figures {
            if figure.measure != measure {
                measure = figure.measure;
                // Writing into a string does not fail.
                let _ = writeln!(text, "\n{measure:<width$}  {:>10}  {:>10}", "measured", "target");
            }
            let target = figure.target.map_or_else(String::new, |target| format!("≤ {}", figure.unit.write(target)));
            let met = figure.met().map_or("", |met| if met { "met" } else { "MISSED" });
            let line = format!("{:<width$}  {:>10}  {target:>10}  {met}", figure.name, figure.unit.write(figure.value));
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for (measure, note) in &self.notes {
            let _ = write!(text, "\n{measure}: {note}");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                json!({
                    "measure": figure.measure,
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit.name(),
                    "at-most": figure.target,
                    "met": figure.met(),
                })
            })
            .collect();
        let notes: Vec<Value> = self.notes.iter().map(|(measure, note)| json!({ "measure": measure, "note": note })).collect();
        format!("{:#}", json!({ "schema": "kaphost.bench/1", "figures": figures, "missed": self.missed(), "notes": notes }))
    }
}

/// The middle one; of an even number, the mean of the middle two. Zero of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), middle.checked_sub(1).and_then(|below| values.get(below))) {
        (Some(above), Some(below)) if values.len().is_multiple_of(2) => f64::midpoint(*above, *below),
        (Some(value), _) => *value,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!((median(vec![7.0]) - 7.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }

    #[test]
    fn targets_are_met_as_shown_and_missed_beyond() {
        let mut figures = Figures::default();
        figures.at_most("api", "met", Unit::Ratio, 0.354, 0.35);
        figures.at_most("api", "missed", Unit::Ratio, 0.36, 0.35);
        figures.show("api", "calls", Unit::Count, 15.0);
        assert_eq!(figures.missed(), 1);
        let table = figures.table();
        assert!(table.contains("0.36      ≤ 0.35  MISSED") && table.contains("0.35      ≤ 0.35  met"), "{table}");
        assert!(table.contains("calls           15\n"), "{table}");
        let json: Value = serde_json::from_str(&figures.json()).unwrap();
        assert_eq!((json["missed"].as_u64(), json["figures"][1]["met"].as_bool()), (Some(1), Some(false)));
        assert!(json["figures"][2]["at-most"].is_null());
    }
}
