//! What this server alone knows: one random key, kept in the accounts database, and what is made from it.

use ring::hmac;

use super::sasl::scram::Salt;
use crate::mail::ids::AccountId;
use crate::storage::accounts::{Database, DatabaseError};

/// Its name in the database.
const NAME: &str = "accounts";

/// The key.
pub(super) struct Secret(hmac::Key);

impl Secret {
    /// The one in the database, which is made when there is none.
    pub(super) async fn load(database: &Database) -> Result<Secret, DatabaseError> {
        let fresh: [u8; 32] = rand::random();
        Ok(Secret::new(&database.secret(NAME, &fresh).await?))
    }

    pub(super) fn new(value: &[u8]) -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, value))
    }

    /// The salt of SCRAM for a login name. It depends on the name alone, so that nobody learns from it whether there is
    /// such an account, and all passwords of an account can be tried with the answer to one challenge.
    pub(super) fn salt(&self, name: &str) -> Salt {
        let mut salt = Salt::default();
        for (octet, keyed) in salt.iter_mut().zip(self.keyed("scram salt", name.as_bytes())) {
            *octet = keyed;
        }
        salt
    }

    /// What is stored of an app password. It has more entropy than anybody can search, so a fast hash is enough; the key
    /// and the account make it useless elsewhere.
    pub(super) fn app_password(&self, account: AccountId, password: &str) -> [u8; 32] {
        self.keyed(&format!("app password {}", account.0), password.as_bytes())
    }

    fn keyed(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(value);
        let mut keyed = [0; 32];
        keyed.copy_from_slice(context.sign().as_ref());
        keyed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_names_and_keys_are_apart() {
        let (one, other) = (Secret::new(b"one"), Secret::new(b"other"));
        assert_eq!(one.salt("alice@example.org"), one.salt("alice@example.org"));
        assert_ne!(one.salt("alice@example.org"), one.salt("bob@example.org"));
        assert_ne!(one.salt("alice@example.org"), other.salt("alice@example.org"));
        let digest = one.app_password(AccountId(1), "x");
        assert_ne!(digest, one.app_password(AccountId(2), "x"));
        assert_ne!(digest, one.app_password(AccountId(1), "y"));
    }
}
