//! The memory of a server, from /proc: of a process and all that descend from it.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result};

use crate::table::{Report, Value};

/// Memory in KiB.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Resident set size, added up: pages that processes share count in each of them.
    pub(crate) resident: u64,
    /// Proportional set size, added up: a shared page counts once in all.
    pub(crate) proportional: u64,
    processes: u64,
}

impl Memory {
    /// Of this process and its descendants.
    pub(crate) fn of(pid: u32) -> Result<Memory> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some(parent) = parent(pid) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut memory = Memory::default();
        memory
            .add(pid)
            .with_context(|| format!("cannot read the memory of process {pid}"))?;
        let mut waiting = children.remove(&pid).unwrap_or_default();
        while let Some(pid) = waiting.pop() {
            // A child that has ended meanwhile has no memory.
            let _ = memory.add(pid);
            waiting.extend(children.remove(&pid).unwrap_or_default());
        }
        Ok(memory)
    }

    fn add(&mut self, pid: u32) -> Result<()> {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let field = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        };
        self.resident += field("Rss:").context("no Rss")?;
        self.proportional += field("Pss:").context("no Pss")?;
        self.processes += 1;
        Ok(())
    }

    /// Adds it to a report. One process is told by what it holds resident, several by what they hold together.
    pub(crate) fn tell(self, report: &mut Report, name: &'static str) {
        report.fact(name, Value::Mebibytes(self.kibibytes() as f64 / 1024.0));
        if self.processes > 1 {
            report.fact("  in processes", Value::Count(self.processes));
        }
    }

    /// The figure to compare.
    pub(crate) fn kibibytes(self) -> u64 {
        if self.processes > 1 {
            self.proportional
        } else {
            self.resident
        }
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; state and parent follow it.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
