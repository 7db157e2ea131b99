//! Where a new password comes from: typed twice without echo, read from standard input, or made up. Never an argument.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anyhow::{Context, bail, ensure};
use clap::Args;
use rand::seq::IndexedRandom;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// What a made-up password is made of: nothing that looks like something else.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// Characters of a made-up password, about 99 bits, in groups that can be read out.
const GROUPS: [usize; 4] = [5, 5, 5, 5];
/// The longest line that is read.
const MAX_LINE: u64 = 4096;

#[derive(Args)]
pub(super) struct NewPassword {
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Make a password up and print it (also done when there is no terminal to ask on)
    #[arg(long, conflicts_with = "password_stdin")]
    generate: bool,
}

/// A password, and whether its owner knows it already.
pub(super) enum Given {
    Entered(Zeroizing<String>),
    Generated(Zeroizing<String>),
}

impl Given {
    pub(super) fn text(&self) -> &str {
        match self {
            Given::Entered(text) | Given::Generated(text) => text,
        }
    }
}

impl NewPassword {
    pub(super) async fn obtain(&self, address: &str) -> anyhow::Result<Given> {
        if self.password_stdin {
            return Ok(Given::Entered(read_line().context("cannot read the password")?));
        }
        if self.generate || !io::stdin().is_terminal() {
            return Ok(Given::Generated(generate()));
        }
        let first = prompt(&format!("New password of {address}: ")).await?;
        let second = prompt("Once more: ").await?;
        ensure!(first == second, "the two are not the same; nothing was changed");
        Ok(Given::Entered(first))
    }
}

/// Asks on the terminal. Ctrl-C gives the terminal back as it was.
async fn prompt(question: &str) -> anyhow::Result<Zeroizing<String>> {
    let _silence = Silence::begin().context("cannot switch off the echo of the terminal")?;
    let _ = write!(io::stderr(), "{question}");
    let line = tokio::select! {
        read = tokio::task::spawn_blocking(read_line) => Some(read?),
        _ = tokio::signal::ctrl_c() => None,
    };
    let _ = writeln!(io::stderr());
    match line {
        Some(line) => line.context("cannot read the password"),
        None => bail!("interrupted; nothing was changed"),
    }
}

fn read_line() -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().take(MAX_LINE).read_line(&mut line)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

fn generate() -> Zeroizing<String> {
    let mut random = rand::rng();
    let mut text = Zeroizing::new(String::new());
    for length in GROUPS {
        if !text.is_empty() {
            text.push('-');
        }
        let letters = (0..length).filter_map(|_| ALPHABET.choose(&mut random));
        text.extend(letters.map(|&letter| char::from(letter)));
    }
    text
}

/// No echo on the terminal for as long as this lives.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Silence> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Silence(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_passwords_differ_and_can_be_typed() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        assert_eq!(one.len(), 23);
        assert!(one.split('-').all(|group| group.len() == 5));
    }
}
