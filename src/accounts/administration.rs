//! Adding, listing and removing domains, accounts and aliases.
//!
//! Each is one transaction of the database, and may happen while the server runs.

use std::collections::BTreeMap;

use super::login::LoginError;
use super::names::{account_address, alias_address, domain_name, written};
use super::sasl::prepare;
use super::{Account, Accounts, fold};
use crate::mail::address::Address;
use crate::mail::ids::AccountId;
use crate::storage::accounts::{Changes, DatabaseError, DomainRow, PasswordRow};

/// The longest password, in octets: more than anybody types, little enough for a line of every protocol.
const MAX_PASSWORD: usize = 512;

/// A domain of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name, normalised.
    pub name: String,
    /// Accounts in it.
    pub accounts: usize,
    /// Aliases in it, the catch-all included.
    pub aliases: usize,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The account.
    pub account: Account,
    /// Whether it may log in.
    pub enabled: bool,
}

/// Another address of accounts, or one whose mail goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The address; `@example.org` for the catch-all.
    pub address: String,
    /// Where it leads: accounts, other aliases, addresses elsewhere.
    pub targets: Vec<String>,
}

/// Whom an alias leads to.
enum Target {
    Account(Account),
    /// An alias, or an address elsewhere.
    Address(Address),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{0:?} is no mail address")]
    InvalidAddress(String),
    #[error("{0:?} is no domain name")]
    InvalidDomain(String),
    #[error(
        "{0:?} cannot be an account's name: letters, digits and the characters . _ - are safe, without +, / or quotes"
    )]
    UnusableName(String),
    #[error("the password {0}")]
    UnusablePassword(&'static str),
    #[error("the domain {0} exists already")]
    DomainExists(String),
    #[error("there is no domain {0} here (`posthaste domain add {0}` makes it ours)")]
    UnknownDomain(String),
    #[error("the domain {name} is in use: accounts: {accounts}, aliases: {aliases}; remove these first")]
    DomainInUse { name: String, accounts: i64, aliases: i64 },
    #[error("the account {0} exists already")]
    AccountExists(String),
    #[error("there is no account {0}")]
    UnknownAccount(String),
    #[error("aliases lead to the account {address}: {}; remove these first", aliases.join(", "))]
    AccountHasAliases { address: String, aliases: Vec<String> },
    #[error("the alias {0} exists already")]
    AliasExists(String),
    #[error("there is no alias {0}")]
    UnknownAlias(String),
    #[error("{0:?} cannot name an app password: up to 64 characters are wanted")]
    UnusableAppPassword(String),
    #[error("an app password {0:?} exists already")]
    AppPasswordExists(String),
    #[error("there is no app password {0:?}")]
    UnknownAppPassword(String),
    #[error("the account has 100 app passwords already; remove one first")]
    TooManyAppPasswords,
    #[error("other aliases lead to the alias {alias}: {}; remove these first", aliases.join(", "))]
    AliasHasAliases { alias: String, aliases: Vec<String> },
    #[error("the alias {0} would lead to itself")]
    CircularAlias(String),
    #[error("an alias leads to one address or more")]
    NoTargets,
    #[error("the accounts database failed")]
    Storage(#[source] anyhow::Error),
}

impl From<DatabaseError> for Error {
    fn from(cause: DatabaseError) -> Error {
        Error::Storage(cause.into())
    }
}

impl Accounts {
    /// Makes a domain ours. Returns its normalised name.
    pub async fn add_domain(&self, name: &str) -> Result<String, Error> {
        let name = domain_name(name)?;
        let mut changes = self.0.database.change().await?;
        if changes.domain(&name).await?.is_some() {
            return Err(Error::DomainExists(name));
        }
        changes.insert_domain(&name).await?;
        changes.commit().await?;
        Ok(name)
    }

    /// Removes a domain that has neither accounts nor aliases. Returns its normalised name.
    pub async fn remove_domain(&self, name: &str) -> Result<String, Error> {
        let name = domain_name(name)?;
        let mut changes = self.0.database.change().await?;
        match domain(&mut changes, &name).await? {
            DomainRow {
                id,
                accounts: 0,
                aliases: 0,
                ..
            } => changes.delete_domain(id).await?,
            DomainRow { accounts, aliases, .. } => {
                return Err(Error::DomainInUse {
                    name,
                    accounts,
                    aliases,
                });
            }
        }
        changes.commit().await?;
        Ok(name)
    }

    /// All domains, by name.
    pub async fn domains(&self) -> Result<Vec<Domain>, Error> {
        let of = |row: DomainRow| Domain {
            name: row.name,
            accounts: row.accounts as usize,
            aliases: row.aliases as usize,
        };
        Ok(self.0.database.domains().await?.into_iter().map(of).collect())
    }

    /// An account of ours, by its address.
    pub async fn find(&self, address: &str) -> Result<Account, Error> {
        account(&mut self.0.database.change().await?, address).await
    }

    /// Whether [`Accounts::add`] would add this address, before anybody is asked for a password.
    pub async fn check_new(&self, address: &str) -> Result<(), Error> {
        let address = account_address(address)?;
        let mut changes = self.0.database.change().await?;
        domain(&mut changes, address.domain()).await?;
        not_taken(&mut changes, &address).await
    }

    /// Adds an account in a domain of ours. Its Maildir is made when mail or a login first needs it.
    pub async fn add(&self, address: &str, password: &str) -> Result<Account, Error> {
        // A hash is dear: not for one that is refused anyway.
        self.check_new(address).await?;
        let address = account_address(address)?;
        let stored = self.hash(&address, password).await?;
        let mut changes = self.0.database.change().await?;
        let home = domain(&mut changes, address.domain()).await?;
        not_taken(&mut changes, &address).await?;
        let id = changes.insert_account(address.local(), home.id, &stored).await?;
        changes.commit().await?;
        Ok(Account {
            id: AccountId(id),
            address,
        })
    }

    /// Removes an account that no alias leads to. Its Maildir stays on disk, and would be that of an account added
    /// under the same address. Sessions that are logged in end when they end.
    pub async fn remove(&self, address: &str) -> Result<Account, Error> {
        let mut changes = self.0.database.change().await?;
        let account = account(&mut changes, address).await?;
        let aliases = changes.aliases_of(account.id.0).await?;
        if !aliases.is_empty() {
            return Err(Error::AccountHasAliases {
                address: account.address.to_string(),
                aliases: aliases
                    .iter()
                    .map(|alias| written(&alias.local, &alias.domain))
                    .collect(),
            });
        }
        changes.delete_account(account.id.0).await?;
        changes.forget_suppressions(&account.address.to_string()).await?;
        changes.commit().await?;
        Ok(account)
    }

    /// Gives an account another password. The old one is refused from now on.
    pub async fn set_password(&self, address: &str, password: &str) -> Result<Account, Error> {
        let found = self.find(address).await?;
        let stored = self.hash(&found.address, password).await?;
        let mut changes = self.0.database.change().await?;
        let account = account(&mut changes, address).await?;
        changes.update_password(account.id.0, &stored).await?;
        changes.commit().await?;
        Ok(account)
    }

    /// Lets an account log in, or not; it gets mail either way.
    pub async fn set_enabled(&self, address: &str, enabled: bool) -> Result<Account, Error> {
        let mut changes = self.0.database.change().await?;
        let account = account(&mut changes, address).await?;
        changes.update_enabled(account.id.0, enabled).await?;
        changes.commit().await?;
        Ok(account)
    }

    /// Switches a capability of IMAP, by its name in upper case, off or on again for an account. Sessions that are logged in go
    /// on as they are.
    pub async fn set_capability(&self, address: &str, name: &str, enabled: bool) -> Result<Account, Error> {
        let mut changes = self.0.database.change().await?;
        let account = account(&mut changes, address).await?;
        match enabled {
            true => changes.enable_capability(account.id.0, name).await?,
            false => changes.disable_capability(account.id.0, name).await?,
        }
        changes.commit().await?;
        Ok(account)
    }

    /// The capabilities of IMAP that are switched off for an account.
    pub async fn disabled_capabilities(&self, account: &Account) -> Result<Vec<String>, LoginError> {
        Ok(self.0.database.disabled_capabilities(account.id.0).await?)
    }

    /// All accounts, by domain and local part.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        let mut all = Vec::new();
        for row in self.0.database.accounts().await? {
            let account = Account::from_row(&row).map_err(Error::Storage)?;
            let enabled = row.enabled;
            all.push(Listed { account, enabled });
        }
        Ok(all)
    }

    /// Adds an alias in a domain of ours, to accounts and aliases of ours and to addresses elsewhere. `@example.org` is the
    /// catch-all. Returns it as written.
    pub async fn add_alias(&self, alias: &str, targets: &[String]) -> Result<String, Error> {
        let (local, name) = alias_address(alias)?;
        if targets.is_empty() {
            return Err(Error::NoTargets);
        }
        let mut changes = self.0.database.change().await?;
        let home = domain(&mut changes, &name).await?;
        if changes.alias(&local, &name).await?.is_some() {
            return Err(Error::AliasExists(written(&local, &name)));
        }
        if changes.account(&local, &name).await?.is_some() {
            return Err(Error::AccountExists(written(&local, &name)));
        }
        let id = changes.insert_alias(&local, home.id).await?;
        // `a@x, b@y` is as good as `a@x b@y`.
        let targets = targets.iter().flat_map(|target| target.split(',')).map(str::trim);
        for target in targets.filter(|target| !target.is_empty()) {
            match self.target(&mut changes, target).await? {
                Target::Account(account) => changes.insert_target(id, account.id.0).await?,
                Target::Address(address) if address.local() == local && address.domain() == name => {
                    return Err(Error::CircularAlias(written(&local, &name)));
                }
                Target::Address(address) => changes.insert_forward(id, &address.to_string()).await?,
            }
        }
        changes.commit().await?;
        Ok(written(&local, &name))
    }

    /// Whom an alias is to lead to: whoever is in a domain of ours must be there.
    async fn target(&self, changes: &mut Changes, target: &str) -> Result<Target, Error> {
        let address = Address::parse(target).map_err(|_| Error::InvalidAddress(target.to_owned()))?;
        if changes.domain(address.domain()).await?.is_none() {
            return Ok(Target::Address(address));
        }
        let local = fold(address.local());
        // An alias that is being added is there already, and would lead to itself.
        if changes.alias(&local, address.domain()).await?.is_some() {
            let address = Address::new(&local, address.domain());
            return address
                .map(Target::Address)
                .map_err(|_| Error::InvalidAddress(target.to_owned()));
        }
        account(changes, target).await.map(Target::Account)
    }

    /// Removes an alias. Returns it as written.
    pub async fn remove_alias(&self, alias: &str) -> Result<String, Error> {
        let (local, name) = alias_address(alias)?;
        let mut changes = self.0.database.change().await?;
        match changes.alias(&local, &name).await? {
            Some(id) => {
                let leading = changes.aliases_to(&written(&local, &name)).await?;
                if !leading.is_empty() {
                    let aliases = leading.iter().map(|row| written(&row.local, &row.domain));
                    return Err(Error::AliasHasAliases {
                        alias: written(&local, &name),
                        aliases: aliases.collect(),
                    });
                }
                changes.delete_alias(id).await?;
                changes.forget_suppressions(&written(&local, &name)).await?;
            }
            None => return Err(Error::UnknownAlias(written(&local, &name))),
        }
        changes.commit().await?;
        Ok(written(&local, &name))
    }

    /// All aliases, by domain and local part.
    pub async fn aliases(&self) -> Result<Vec<Alias>, Error> {
        let mut all: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for row in self.0.database.aliases().await? {
            let target = written(&row.target_local, &row.target_domain);
            all.entry((row.domain, row.local)).or_default().push(target);
        }
        for row in self.0.database.forwards().await? {
            all.entry((row.domain, row.local)).or_default().push(row.address);
        }
        let alias = |((domain, local), targets): ((String, String), Vec<String>)| Alias {
            address: written(&local, &domain),
            targets,
        };
        Ok(all.into_iter().map(alias).collect())
    }

    async fn hash(&self, address: &Address, password: &str) -> Result<PasswordRow, Error> {
        if password.is_empty() {
            return Err(Error::UnusablePassword("is empty"));
        }
        if password.len() > MAX_PASSWORD {
            return Err(Error::UnusablePassword("is longer than 512 octets"));
        }
        if password.chars().any(char::is_control) {
            return Err(Error::UnusablePassword(
                "holds control characters, which mail programs cannot send",
            ));
        }
        let salt = self.0.secret.salt(&address.to_string());
        let hashed = self.0.hasher.hash(prepare::password(password), salt).await;
        hashed.map_err(|cause| Error::Storage(cause.into()))
    }
}

async fn domain(changes: &mut Changes, name: &str) -> Result<DomainRow, Error> {
    let row = changes.domain(name).await?;
    row.ok_or_else(|| Error::UnknownDomain(name.to_owned()))
}

pub(super) async fn account(changes: &mut Changes, address: &str) -> Result<Account, Error> {
    let address = Address::parse(address.trim()).map_err(|_| Error::InvalidAddress(address.to_owned()))?;
    match changes.account(&fold(address.local()), address.domain()).await? {
        Some(row) => Account::from_row(&row).map_err(Error::Storage),
        None => Err(Error::UnknownAccount(address.to_string())),
    }
}

async fn not_taken(changes: &mut Changes, address: &Address) -> Result<(), Error> {
    if changes.account(address.local(), address.domain()).await?.is_some() {
        return Err(Error::AccountExists(address.to_string()));
    }
    if changes.alias(address.local(), address.domain()).await?.is_some() {
        return Err(Error::AliasExists(address.to_string()));
    }
    Ok(())
}
