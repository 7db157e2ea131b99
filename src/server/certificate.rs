//! The certificate of a server: from files, or self-signed and kept in the data folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::folder;
use crate::config::Config;
use crate::net::tls::{SelfSigned, Tls};

/// The configured certificate; without one, the self-signed one in the data folder, which is made when it is not there.
pub fn load(config: &Config) -> anyhow::Result<Tls> {
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        return Tls::from_files(certificate, key).context("settings tls.certificate and tls.key");
    }
    let (certificate, key) = self_signed_files(&config.data);
    if !certificate.exists() || !key.exists() {
        make(&config.hostname, &certificate, &key)
            .with_context(|| format!("cannot keep a self-signed certificate in {}", config.data.display()))?;
    }
    tracing::warn!(
        certificate = %certificate.display(),
        "no certificate configured (tls.certificate, tls.key): clients are shown a self-signed one"
    );
    Tls::from_files(&certificate, &key)
        .context("the self-signed certificate (remove both files to have a new one made)")
}

/// Whether [`load`] would find a certificate that can be used, or make one.
pub fn check(config: &Config) -> anyhow::Result<()> {
    if config.tls.certificate.is_some() || self_signed_files(&config.data).0.exists() {
        return load(config).map(drop);
    }
    SelfSigned::generate(&config.hostname)?;
    Ok(())
}

/// Where the self-signed certificate and its key are kept.
pub fn self_signed_files(data: &Path) -> (PathBuf, PathBuf) {
    let folder = data.join("tls");
    (folder.join("certificate.pem"), folder.join("key.pem"))
}

fn make(hostname: &str, certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let made = SelfSigned::generate(hostname)?;
    if let Some(parent) = certificate.parent() {
        folder::create(parent).with_context(|| parent.display().to_string())?;
    }
    // The certificate last: a start that was cut short in between begins again.
    write(key, &made.key, 0o600).with_context(|| key.display().to_string())?;
    write(certificate, &made.certificate, 0o644).with_context(|| certificate.display().to_string())
}

/// Whole or not at all, and never readable for others in between.
fn write(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let temporary = file.with_extension("tmp");
    let _ = fs::remove_file(&temporary);
    let mut options = OpenOptions::new();
    let mut open: File = options.write(true).create_new(true).mode(mode).open(&temporary)?;
    open.write_all(text.as_bytes())?;
    open.sync_all()?;
    fs::rename(&temporary, file)
}
