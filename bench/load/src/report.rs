//! Results as they are kept: one JSON file a scenario, and one page of tables made from them.

use crate::{
    machine::Machine,
    scenario::{Asked, Bar, Outcome, SCENARIOS, Scenario},
    stats::Summary,
    target::Target,
};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

/// One run of one scenario over all its targets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) scenario: String,
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<Row>,
}

/// What one target did.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) target: String,
    pub(crate) title: String,
    pub(crate) version: String,
    /// Why it did not run, when it did not.
    pub(crate) skipped: Option<String>,
    /// The numbers of each repetition; `null` where a run never came to one.
    pub(crate) repetitions: Vec<BTreeMap<String, Option<f64>>>,
    /// What was not exact, each with the number of its repetition.
    pub(crate) faults: Vec<String>,
}

/// Whether a bar is met.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) met: bool,
    pub(crate) text: String,
}

impl Row {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target: target.name.into(),
            title: target.title.into(),
            version: target.version(),
            skipped: target.missing(),
            repetitions: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Adds one repetition.
    pub(crate) fn add(&mut self, scenario: &Scenario, outcome: Outcome) {
        let number = self.repetitions.len() + 1;
        let values = outcome
            .values
            .iter()
            .map(|value| value.is_finite().then_some(*value));
        let names = scenario.metrics.iter().map(|metric| metric.name.to_owned());
        self.repetitions.push(names.zip(values).collect());
        let faults = outcome
            .faults
            .iter()
            .map(|fault| format!("run {number}: {fault}"));
        self.faults.extend(faults);
    }

    /// Adds a repetition that did not come to its end.
    pub(crate) fn fail(&mut self, repetition: usize, error: &anyhow::Error) {
        self.repetitions.push(BTreeMap::new());
        self.faults.push(format!("run {repetition}: {error:#}"));
    }

    fn values(&self, metric: &str) -> Vec<f64> {
        let value = |run: &BTreeMap<String, Option<f64>>| run.get(metric).copied().flatten();
        self.repetitions
            .iter()
            .map(|run| value(run).unwrap_or(f64::NAN))
            .collect()
    }
}

impl Report {
    fn row(&self, target: &str) -> Option<&Row> {
        let ran = |row: &&Row| row.target == target && !row.repetitions.is_empty();
        self.rows.iter().find(ran)
    }

    /// The ratio of two targets, repetition by repetition: what was measured side by side.
    fn ratio(&self, metric: &str, target: &str, against: &str) -> Option<Summary> {
        let (ours, theirs) = (
            self.row(target)?.values(metric),
            self.row(against)?.values(metric),
        );
        Summary::of(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs))
    }

    /// Says of each bar whether ours meets it; nothing when ours did not run.
    pub(crate) fn verdicts(&self, scenario: &Scenario) -> Vec<Verdict> {
        let Some(row) = self.row(scenario.ours()) else {
            return Vec::new();
        };
        let exact = Verdict {
            met: row.faults.is_empty(),
            text: format!("every count exact: {} faults", row.faults.len()),
        };
        let bars = scenario
            .bars
            .iter()
            .filter_map(|bar| self.verdict(bar, row));
        bars.chain([exact]).collect()
    }

    fn verdict(&self, bar: &Bar, row: &Row) -> Option<Verdict> {
        let values = row.values(bar.metric);
        let found = match bar.against {
            // A count must hold in every run and a number that never came holds in none.
            None if values.iter().any(|value| value.is_nan()) => f64::INFINITY,
            None => Summary::of(values)?.median,
            Some(against) => match self.ratio(bar.metric, &row.target, against) {
                Some(ratio) => ratio.median,
                None => {
                    let text = format!("`{}` against {against}: not run", bar.metric);
                    return Some(Verdict { met: false, text });
                }
            },
        };
        let unit = bar
            .against
            .map_or(String::new(), |against| format!(" × {against}"));
        let (met, sign, limit) = match bar.asked {
            Asked::AtMost(limit) => (found <= limit, '≤', limit),
            Asked::AtLeast(limit) => (found >= limit, '≥', limit),
        };
        let text = format!("`{}` {sign} {limit}{unit}: {found:.2}", bar.metric);
        Some(Verdict { met, text })
    }

    /// The scenario's part of the page.
    pub(crate) fn markdown(&self, scenario: &Scenario) -> String {
        let mut page = format!("## {}\n\n{}\n\n", scenario.title, scenario.about);
        let machine = &self.machine;
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "`{}`, {}, {} repetitions, load before {}\n",
            self.command,
            machine.date,
            self.rows
                .iter()
                .map(|row| row.repetitions.len())
                .max()
                .unwrap_or(0),
            machine.load_before
        );
        page += "| server | version |";
        for metric in scenario.metrics {
            let _ = write!(page, " {} |", metric.title);
        }
        if let Some(baseline) = scenario.baseline {
            let _ = write!(page, " × {baseline} |");
        }
        page += " counts |\n| --- | --- |";
        page +=
            &" ---: |".repeat(scenario.metrics.len() + usize::from(scenario.baseline.is_some()));
        page += " --- |\n";
        for row in &self.rows {
            page += &self.line(scenario, row);
        }
        page.push('\n');
        for verdict in self.verdicts(scenario) {
            let _ = writeln!(
                page,
                "* {}: {}",
                if verdict.met { "met" } else { "**missed**" },
                verdict.text
            );
        }
        for row in &self.rows {
            if let Some(reason) = &row.skipped {
                let _ = writeln!(page, "* {} was skipped: {reason}", row.title);
            }
        }
        for row in self.rows.iter().filter(|row| !row.faults.is_empty()) {
            let _ = writeln!(page, "* {}: {}", row.title, row.faults.join("; "));
        }
        page.push('\n');
        page
    }

    fn line(&self, scenario: &Scenario, row: &Row) -> String {
        let mut line = format!("| {} | {} |", row.title, row.version);
        for metric in scenario.metrics {
            let _ = write!(
                line,
                " {} |",
                cell(Summary::of(row.values(metric.name)), metric.digits)
            );
        }
        if let Some(baseline) = scenario.baseline {
            let ratio = self.ratio(scenario.metrics[0].name, &row.target, baseline);
            let _ = write!(line, " {} |", cell(ratio, 2));
        }
        line + match (&row.skipped, row.faults.is_empty()) {
            (Some(_), _) => " skipped |\n",
            (None, true) => " exact |\n",
            (None, false) => " **see below** |\n",
        }
    }
}

/// A median with its range, or a dash when there is none.
fn cell(summary: Option<Summary>, digits: usize) -> String {
    let Some(Summary { median, min, max }) = summary else {
        return "–".into();
    };
    if min == max {
        return number(median, digits);
    }
    format!(
        "{} [{}..{}]",
        number(median, digits),
        number(min, digits),
        number(max, digits)
    )
}

/// A number with its thousands set apart.
fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, _)) => text.split_at(whole.len()),
        None => (text.as_str(), ""),
    };
    let mut set = String::new();
    for (place, digit) in whole.char_indices() {
        let after = whole.len() - place;
        if place > 0 && after % 3 == 0 && digit.is_ascii_digit() && !set.ends_with('-') {
            set.push(',');
        }
        set.push(digit);
    }
    set + fraction
}

/// Keeps a report and makes the page anew from all that are kept.
///
/// Quick runs prove the benches, not the servers: they are kept beside, under `.local` names that
/// the repository ignores.
pub(crate) fn keep(report: &Report, folder: &Path, quick: bool) -> Result<()> {
    let suffix = if quick { ".local" } else { "" };
    fs::create_dir_all(folder)?;
    let json = serde_json::to_string_pretty(report)? + "\n";
    fs::write(
        folder.join(format!("{}{suffix}.json", report.scenario)),
        json,
    )?;

    let machine = &report.machine;
    let mut page = format!(
        "# Results\n\nMade by `bench/run.sh`; how to read it is in `bench/README.md`. Medians \
         [least..most] of repetitions in which the servers took turns; CPU time is the server's \
         alone.\n\n{}, {} cores, {} GiB; Linux {}, {}; {}.\n\n",
        machine.cpu,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.system,
        machine.rust
    );
    for scenario in SCENARIOS {
        let file = folder.join(format!("{}{suffix}.json", scenario.name));
        if let Ok(json) = fs::read(file) {
            page += &serde_json::from_slice::<Report>(&json)?.markdown(scenario);
        }
    }
    fs::write(
        folder.join(format!("RESULTS{suffix}.md")),
        page.trim_end().to_owned() + "\n",
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(-123.456, 1), "-123.5");
        assert_eq!(number(999.0, 0), "999");
    }
}
