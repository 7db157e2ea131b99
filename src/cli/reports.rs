//! `posthaste reports`: what is collected for other domains, what became of it, and what they tell of ours. Beside a running
//! server.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{say, table::Table};
use crate::reports::{date, dmarc, tls};
use crate::server::folder;
use crate::storage::reports::{DAY, Kind, Overview, ReceivedReport, ReceivedRow, ReportStore};

/// Numbers of reports that a line of a list names; more are only counted.
const NAMED: usize = 3;

#[derive(Subcommand)]
pub(super) enum Reports {
    /// List what was collected for other domains, by day, and what became of the reports; of one domain in detail
    List(List),
    /// Send the reports of days that are over and were not sent, without waiting for their time
    Send(Send),
    /// What others report of our domains, by day and source
    Received(Received),
    /// Tell all about one report that came
    Show(Show),
}

#[derive(Args)]
pub(super) struct List {
    /// Such as example.net; all if it is left out
    domain: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Send {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Received {
    /// Such as example.org; all if it is left out
    domain: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Show {
    /// Its number in the list of what came
    id: i64,
    #[command(flatten)]
    settings: Settings,
}

impl Reports {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Reports::List(List { domain: None, settings }) => {
                with(&settings, async |reports| list(reports.overview().await?))
            }
            Reports::List(List {
                domain: Some(domain),
                settings,
            }) => with(&settings, async |reports| {
                collected(reports, &domain.to_lowercase()).await
            }),
            Reports::Send(Send { settings }) => {
                let config = settings.load()?;
                anyhow::ensure!(config.reports.send, "reports.send is false: none are sent");
                anyhow::ensure!(config.outbound.enabled, "outbound.enabled is false: nothing is sent");
                with(&settings, async |reports| {
                    reports.wish().await?;
                    say("the server sends what is there within seconds, or when it is started: posthaste reports list")
                })
            }
            Reports::Received(Received { domain, settings }) => with(&settings, async |reports| {
                let domain = domain.as_deref().map(str::to_lowercase);
                received(reports, domain.as_deref()).await
            }),
            Reports::Show(Show { id, settings }) => with(&settings, async |reports| {
                let all = reports.received(None).await?;
                let report = all.iter().find(|report| report.id == id);
                let report = report.ok_or_else(|| anyhow::anyhow!("no report {id} came"))?;
                show(report, &reports.received_rows(id).await?)
            }),
        }
    }
}

/// Runs a short command on the file of reports that these settings name.
fn with(settings: &Settings, command: impl AsyncFnOnce(&ReportStore) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let config = settings.load()?;
    folder::prepare(&config.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let reports = ReportStore::open(&config.data).await?;
        let done = command(&reports).await;
        reports.close().await;
        done
    })
}

fn list(all: Vec<Overview>) -> anyhow::Result<()> {
    let mut table = Table::new(["DAY", "KIND", "DOMAIN", "COUNT", "REPORT"]);
    for one in all {
        table.row([
            date(one.day),
            one.kind.as_str().to_owned(),
            one.domain,
            one.count.to_string(),
            one.outcome.unwrap_or_else(|| "not sent yet".to_owned()),
        ]);
    }
    say(table)
}

/// What was seen of a domain.
async fn collected(reports: &ReportStore, domain: &str) -> anyhow::Result<()> {
    let mut table = Table::new(["DAY", "KIND", "SOURCE", "COUNT", "RESULT", "DETAIL"]);
    for one in reports.overview().await?.iter().filter(|one| one.domain == domain) {
        for row in reports.seen(one.kind, one.day, domain).await? {
            let row = match one.kind {
                Kind::Dmarc => dmarc::described(&row)?,
                Kind::Tls => tls::described(&row)?,
            };
            table.row([
                date(one.day),
                one.kind.as_str().to_owned(),
                row.source,
                row.count.to_string(),
                result(row.passed).to_owned(),
                row.detail,
            ]);
        }
    }
    say(table)
}

fn result(passed: bool) -> &'static str {
    match passed {
        true => "pass",
        false => "fail",
    }
}

/// What is about the same source on the same day stands in one line, whoever told it.
async fn received(reports: &ReportStore, domain: Option<&str>) -> anyhow::Result<()> {
    /// What a source did, and the numbers of the reports that tell of it.
    #[derive(Default)]
    struct Told {
        passed: u64,
        failed: u64,
        by: Vec<i64>,
    }
    let mut lines: BTreeMap<(i64, &str, String, String), Told> = BTreeMap::new();
    for report in reports.received(domain).await? {
        for row in reports.received_rows(report.id).await? {
            // The latest first.
            let key = (
                -report.begins.div_euclid(DAY),
                report.kind.as_str(),
                report.domain.clone(),
                row.source,
            );
            let Told { passed, failed, by } = lines.entry(key).or_default();
            match row.passed {
                true => *passed = passed.saturating_add(row.count),
                false => *failed = failed.saturating_add(row.count),
            }
            if !by.contains(&report.id) {
                by.push(report.id);
            }
        }
    }
    let mut table = Table::new(["DAY", "KIND", "DOMAIN", "SOURCE", "PASSED", "FAILED", "REPORTS"]);
    for ((day, kind, domain, source), Told { passed, failed, by }) in lines {
        let mut names: Vec<String> = by.iter().take(NAMED).map(i64::to_string).collect();
        if by.len() > NAMED {
            names.push(format!("and {} more", by.len() - NAMED));
        }
        table.row([
            date(-day),
            kind.to_owned(),
            domain,
            source,
            passed.to_string(),
            failed.to_string(),
            names.join(" "),
        ]);
    }
    say(table)
}

fn show(report: &ReceivedReport, rows: &[ReceivedRow]) -> anyhow::Result<()> {
    say(format_args!("kind      {}", report.kind.as_str()))?;
    say(format_args!("domain    {}", report.domain))?;
    say(format_args!("told by   {}", report.reporter))?;
    say(format_args!("named     {}", report.report))?;
    say(format_args!("from      {}", date(report.begins.div_euclid(DAY))))?;
    say(format_args!("to        {}", date(report.ends.div_euclid(DAY))))?;
    say(format_args!("passed    {}", report.passed))?;
    say(format_args!("failed    {}\n", report.failed))?;
    let source = match report.kind {
        Kind::Dmarc => "SOURCE",
        Kind::Tls => "SERVER",
    };
    let mut table = Table::new([source, "COUNT", "RESULT", "DETAIL"]);
    for row in rows {
        table.row([
            row.source.clone(),
            row.count.to_string(),
            result(row.passed).to_owned(),
            row.detail.clone(),
        ]);
    }
    say(table)
}
