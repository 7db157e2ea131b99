//! App passwords: made here, one for each program of an account's owner, so that one can be taken back without the others.
//!
//! They are random and long, so what is stored of them is a fast keyed hash, and the keys of SCRAM.

use rand::seq::IndexedRandom;
use zeroize::Zeroizing;

use super::administration::{Error, account};
use super::login::{LoginError, Origin, Service};
use super::sasl::scram::{ITERATIONS, Keys, Proof};
use super::{Account, Accounts};
use crate::mail::ids::AccountId;
use crate::storage::accounts::{AccountRow, AppPasswordRow, NewAppPassword};

/// What an app password is made of: nothing that looks like something else.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// Groups of letters in it.
const GROUPS: usize = 7;
/// Letters in a group: 28 together, 138 bits.
const GROUP: usize = 4;
/// App passwords of one account.
const MAX_APP_PASSWORDS: i64 = 100;
/// The longest name, in characters.
const MAX_NAME: usize = 64;
/// Its last use is noted no more often than this, in seconds: a busy program would write all the time.
const USE_INTERVAL: i64 = 60;

/// What an app password may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Reading mail.
    Imap,
    /// Sending mail.
    Smtp,
    /// Changing the rules by which mail is sorted: they can send all of it elsewhere, and outlive the password.
    Sieve,
    /// Everything.
    Both,
}

/// An app password in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppPassword {
    /// What its owner calls it.
    pub name: String,
    /// What it is for.
    pub scope: Scope,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it last logged in, to the minute, and from where.
    pub used: Option<(i64, String)>,
}

impl Scope {
    /// Its name, as the command line and the database have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Imap => "imap",
            Scope::Smtp => "smtp",
            Scope::Sieve => "sieve",
            Scope::Both => "both",
        }
    }

    fn read(text: &str) -> Scope {
        match text {
            "imap" => Scope::Imap,
            "smtp" => Scope::Smtp,
            "sieve" => Scope::Sieve,
            _ => Scope::Both,
        }
    }

    fn covers(self, service: Service) -> bool {
        match self {
            Scope::Imap => service == Service::Imap,
            Scope::Smtp => service == Service::Submission,
            Scope::Sieve => service == Service::ManageSieve,
            Scope::Both => true,
        }
    }
}

impl Accounts {
    /// Makes an app password. It is told here and never again.
    pub async fn add_app_password(
        &self,
        address: &str,
        name: &str,
        scope: Scope,
    ) -> Result<(Account, Zeroizing<String>), Error> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Error::UnusableAppPassword(name.to_owned()));
        }
        let mut changes = self.0.database.change().await?;
        let account = account(&mut changes, address).await?;
        match changes.count_app_passwords(account.id.0, name).await? {
            (_, true) => return Err(Error::AppPasswordExists(name.to_owned())),
            (MAX_APP_PASSWORDS.., _) => return Err(Error::TooManyAppPasswords),
            _ => {}
        }
        let password = generate();
        let salt = self.0.secret.salt(&account.address.to_string());
        let keys = Keys::derive(&password, &salt, ITERATIONS);
        let new = NewAppPassword {
            name,
            scope: scope.as_str(),
            digest: &self.digest(account.id, &password),
            stored_key: &keys.stored,
            server_key: &keys.server,
        };
        changes.insert_app_password(account.id.0, new).await?;
        changes.commit().await?;
        Ok((account, password))
    }

    /// The app passwords of an account, by name.
    pub async fn app_passwords(&self, address: &str) -> Result<Vec<AppPassword>, Error> {
        let account = self.find(address).await?;
        let listed = |row: AppPasswordRow| AppPassword {
            name: row.name,
            scope: Scope::read(&row.scope),
            created: row.created,
            used: row.used.zip(row.used_from),
        };
        let rows = self.0.database.app_passwords(account.id.0).await?;
        Ok(rows.into_iter().map(listed).collect())
    }

    /// Takes an app password back. Sessions that are logged in end when they end.
    pub async fn remove_app_password(&self, address: &str, name: &str) -> Result<Account, Error> {
        let mut changes = self.0.database.change().await?;
        let account = account(&mut changes, address).await?;
        if !changes.delete_app_password(account.id.0, name.trim()).await? {
            return Err(Error::UnknownAppPassword(name.trim().to_owned()));
        }
        changes.commit().await?;
        Ok(account)
    }

    /// Whether it is an app password of this account that is good for this.
    pub(super) async fn is_app_password(
        &self,
        origin: Origin,
        row: &AccountRow,
        password: &str,
    ) -> Result<bool, LoginError> {
        if canonical(password).len() != GROUPS * GROUP {
            return Ok(false);
        }
        let digest = self.digest(AccountId(row.id), password);
        match self.0.database.app_password(row.id, &digest).await? {
            Some(found) => Ok(self.take(origin, &found).await),
            None => Ok(false),
        }
    }

    /// What the server says to a client that has proven to know an app password that is good for this.
    pub(super) async fn proves_app_password(
        &self,
        origin: Origin,
        row: &AccountRow,
        proof: &Proof,
    ) -> Result<Option<String>, LoginError> {
        for found in self.0.database.app_passwords(row.id).await? {
            let keys = Keys::read(&found.stored_key, &found.server_key);
            if let Some(told) = keys.and_then(|keys| proof.verify(&keys)) {
                return Ok(self.take(origin, &found).await.then_some(told));
            }
        }
        Ok(None)
    }

    /// Whether what an app password is for covers this; then its use is noted.
    async fn take(&self, origin: Origin, found: &AppPasswordRow) -> bool {
        if !Scope::read(&found.scope).covers(origin.service) {
            tracing::info!(app_password = found.name, scope = found.scope, service = ?origin.service, "outside its scope");
            return false;
        }
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()) as i64;
        let from = origin.address.to_string();
        let noted = found.used.is_some_and(|used| now - used < USE_INTERVAL) && found.used_from.as_ref() == Some(&from);
        if !noted && let Err(cause) = self.0.database.touch_app_password(found.id, &from).await {
            tracing::warn!(%cause, "use of an app password not noted");
        }
        true
    }

    fn digest(&self, account: AccountId, password: &str) -> [u8; 32] {
        self.0.secret.app_password(account, &canonical(password))
    }
}

/// As it is compared: people leave the hyphens away, and some keyboards begin with a capital.
fn canonical(password: &str) -> Zeroizing<String> {
    let letters = password.chars().filter(|c| !matches!(c, '-' | ' '));
    Zeroizing::new(letters.map(|c| c.to_ascii_lowercase()).collect())
}

fn generate() -> Zeroizing<String> {
    let mut random = rand::rng();
    let mut text = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
    for _ in 0..GROUPS {
        if !text.is_empty() {
            text.push('-');
        }
        let letters = (0..GROUP).filter_map(|_| ALPHABET.choose(&mut random));
        text.extend(letters.map(|&letter| char::from(letter)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_differ_and_are_compared_without_hyphens() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        assert_eq!(one.len(), GROUPS * GROUP + GROUPS - 1);
        assert_eq!(*canonical("Abcd-efgh ijkm"), "abcdefghijkm");
        assert_eq!(canonical(&one).len(), GROUPS * GROUP);
    }

    #[test]
    fn scopes_cover_what_they_say() {
        let services = [Service::Imap, Service::ManageSieve, Service::Submission];
        let covered = |scope: Scope| services.map(|service| scope.covers(service));
        assert_eq!(covered(Scope::Imap), [true, false, false]);
        assert_eq!(covered(Scope::Smtp), [false, false, true]);
        assert_eq!(covered(Scope::Sieve), [false, true, false]);
        assert_eq!(covered(Scope::Both), [true, true, true]);
        for scope in [Scope::Imap, Scope::Smtp, Scope::Sieve, Scope::Both] {
            assert_eq!(Scope::read(scope.as_str()), scope);
        }
    }
}
