//! Names as the command line gives them, into names as the database keeps them, and back.

use super::administration::Error;
use super::fold;
use super::resolve::CATCH_ALL;
use crate::mail::address::Address;

/// The longest local part of an account in octets (RFC 5321 §4.5.3.1.1): every server can write to it.
const MAX_LOCAL: usize = 64;

/// A domain's name, normalised as in addresses. No address literals: those are not domains.
pub(super) fn domain_name(name: &str) -> Result<String, Error> {
    match Address::new("postmaster", name.trim()) {
        Ok(address) if !address.domain().starts_with('[') => Ok(address.domain().to_owned()),
        _ => Err(Error::InvalidDomain(name.to_owned())),
    }
}

/// An account's address, normalised. Its local part names a folder and a login, so not all that mail allows will do.
pub(super) fn account_address(text: &str) -> Result<Address, Error> {
    let invalid = || Error::InvalidAddress(text.to_owned());
    let given = Address::parse(text.trim()).map_err(|_| invalid())?;
    let local = fold(given.local());
    let usable = |c: char| c.is_alphanumeric() || "._-!#$%&'*=?^`{|}~".contains(c);
    if local.len() > MAX_LOCAL
        || !local.chars().all(usable)
        || local.starts_with('.')
        || local.ends_with('.')
        || local.contains("..")
    {
        return Err(Error::UnusableName(given.local().to_owned()));
    }
    Address::new(&local, given.domain()).map_err(|_| invalid())
}

/// Local part and domain of an alias, normalised; an empty local part for the catch-all.
pub(super) fn alias_address(text: &str) -> Result<(String, String), Error> {
    let text = text.trim();
    if let Some(name) = text.strip_prefix('@') {
        return Ok((CATCH_ALL.to_owned(), domain_name(name)?));
    }
    let address = Address::parse(text).map_err(|_| Error::InvalidAddress(text.to_owned()))?;
    Ok((fold(address.local()), address.domain().to_owned()))
}

/// An alias as people write it.
pub(super) fn written(local: &str, domain: &str) -> String {
    match Address::new(local, domain) {
        Ok(address) => address.to_string(),
        // The catch-all: no address has an empty local part.
        Err(_) => format!("{local}@{domain}"),
    }
}
