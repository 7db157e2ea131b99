//! What the demo says at its start: where, who, and lines to paste.

use std::path::Path;

use super::ACCOUNTS;
use crate::server::Addresses;

/// The lines to paste work as they are in any POSIX shell: `tests/it/cli/demo.rs` runs them as printed.
pub(super) fn banner(addresses: &Addresses, data: &Path) -> String {
    let first = |of: &[std::net::SocketAddr]| of.first().map(ToString::to_string).unwrap_or_default();
    let [(alice, alice_password), (bob, bob_password)] = ACCOUNTS;
    let smtp = first(&addresses.smtp);
    let submission = first(&addresses.submission);
    let submissions = first(&addresses.submissions);
    let imap = first(&addresses.imap);
    let imaps = first(&addresses.imaps);
    let managesieve = first(&addresses.managesieve);
    let data = data.display();
    format!(
        "\
Posthaste demo: a mail server for this machine only. Ctrl-C ends it.

  accounts      {alice}  password  {alice_password}
                {bob}    password  {bob_password}
  SMTP          {smtp}  (STARTTLS offered)
  submission    {submission}  (STARTTLS)   {submissions}  (TLS)
  IMAP          {imap}  (STARTTLS)   {imaps}  (TLS)
  ManageSieve   {managesieve}  (STARTTLS)
  certificate   self-signed: mail programs ask whether to trust it
  data          {data}
                (Maildirs are in mail/; remove the folder to begin anew)

Paste into other terminals. Watch alice's INBOX (an IDLE session; Ctrl-C ends it):

  (printf 'a LOGIN {alice} {alice_password}\\r\\nb SELECT INBOX\\r\\nc IDLE\\r\\n'; cat) | openssl s_client -quiet -connect {imaps}

Send a message, as another mail server does, or as bob with his password:

  printf 'From: me@example.org\\nTo: {alice}\\nSubject: Hello\\n\\nHello Alice!\\n' | curl -sS --crlf -T - --mail-from me@example.org --mail-rcpt {alice} smtp://{smtp}
  printf 'From: {bob}\\nTo: {alice}\\nSubject: Hi\\n\\nHi Alice!\\n' | curl -sSk --crlf -T - --mail-from {bob} --mail-rcpt {alice} -u {bob}:{bob_password} smtps://{submissions}
  swaks --server {smtp} --from me@example.org --to {alice} --header 'Subject: Hello from swaks'

Read her newest message:

  curl -sSk -u {alice}:{alice_password} 'imaps://{imaps}/INBOX;MAILINDEX=*'

Deliveries:
"
    )
}
