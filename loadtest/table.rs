//! What a run tells: on the terminal as aligned tables, in a file as JSON.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::stats::Sorted;

/// The outcome of a run.
#[derive(Serialize, Default)]
pub(crate) struct Report {
    /// What was done, in one line.
    pub(crate) title: String,
    /// Single figures.
    #[serde(serialize_with = "as_map")]
    pub(crate) facts: Vec<(&'static str, Value)>,
    /// Figures side by side.
    pub(crate) tables: Vec<Table>,
    /// What went wrong; empty when all is well.
    pub(crate) losses: Vec<String>,
}

/// Figures side by side.
#[derive(Serialize)]
pub(crate) struct Table {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// A figure with its unit.
#[derive(Serialize, Clone)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Value {
    Text(String),
    Count(u64),
    PerSecond(f64),
    Milliseconds(f64),
    Seconds(f64),
    Mebibytes(f64),
    Kibibytes(f64),
    /// There is none.
    None,
}

impl Report {
    /// A report with nothing in it.
    pub(crate) fn new(title: String) -> Report {
        Report {
            title,
            ..Report::default()
        }
    }

    /// Adds a figure.
    pub(crate) fn fact(&mut self, name: &'static str, value: Value) {
        self.facts.push((name, value));
    }

    /// Adds what went wrong, unless nothing did.
    pub(crate) fn loss(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.losses.push(format!("{count} {what}"));
        }
    }
}

impl Table {
    /// For latencies: one row for each kind, see [`Table::latencies`].
    pub(crate) fn of_latencies() -> Table {
        Table {
            columns: vec!["latency", "count", "min", "p50", "p95", "p99", "max"],
            rows: Vec::new(),
        }
    }

    /// Adds a row of latencies.
    pub(crate) fn latencies(&mut self, name: &str, sorted: &Sorted) {
        let quantile = |share| sorted.quantile(share).map_or(Value::None, Value::Milliseconds);
        let mut row = vec![Value::Text(name.to_owned()), Value::Count(sorted.count() as u64)];
        row.extend([0.0, 0.5, 0.95, 0.99, 1.0].map(quantile));
        self.rows.push(row);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}\n", self.title)?;
        let facts = self
            .facts
            .iter()
            .map(|(name, value)| vec![(*name).to_owned(), value.to_string()]);
        aligned(f, &facts.collect::<Vec<_>>())?;
        for table in &self.tables {
            writeln!(f)?;
            let columns = table.columns.iter().map(|column| (*column).to_owned()).collect();
            let rows = table.rows.iter().map(|row| row.iter().map(Value::to_string).collect());
            aligned(f, &std::iter::once(columns).chain(rows).collect::<Vec<_>>())?;
        }
        writeln!(f)?;
        if self.losses.is_empty() {
            return writeln!(f, "  nothing lost");
        }
        self.losses.iter().try_for_each(|loss| writeln!(f, "  LOST: {loss}"))
    }
}

/// Names and figures as one JSON object.
fn as_map<S: Serializer>(facts: &[(&'static str, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().map(|(name, value)| (name.trim(), value)))
}

/// Prints cells in columns: the first to the left, figures to the right.
fn aligned(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            match column {
                0 => write!(f, "  {cell:<0$}", width(0))?,
                _ => write!(f, "  {cell:>0$}", width(column))?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Count(count) => f.write_str(&grouped(*count)),
            Value::PerSecond(rate) => write!(f, "{rate:.1} /s"),
            Value::Milliseconds(span) if span.abs() >= 100.0 => write!(f, "{span:.0} ms"),
            Value::Milliseconds(span) if span.abs() >= 10.0 => write!(f, "{span:.1} ms"),
            Value::Milliseconds(span) => write!(f, "{span:.2} ms"),
            Value::Seconds(span) => write!(f, "{span:.2} s"),
            Value::Mebibytes(size) => write!(f, "{size:.1} MiB"),
            Value::Kibibytes(size) => write!(f, "{size:.1} KiB"),
            Value::None => f.write_str("-"),
        }
    }
}

/// With a comma between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_aligned_and_losses_named() {
        let mut report = Report::new("title".to_owned());
        report.fact("accepted", Value::Count(1_234_567));
        report.fact("rate", Value::PerSecond(12.34));
        report.loss(0, "nothing");
        let expected = "\ntitle\n\n  accepted  1,234,567\n  rate        12.3 /s\n\n  nothing lost\n";
        assert_eq!(report.to_string(), expected);
        report.loss(2, "messages");
        assert!(report.to_string().ends_with("\n  LOST: 2 messages\n"));
    }
}
