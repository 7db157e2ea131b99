-- What an account may hold: octets of mail, messages, mailboxes; null is no limit. An account without a row has what the
-- settings say.
create table quotas (
    account integer primary key references accounts (id) on delete cascade,
    storage integer,
    messages integer,
    mailboxes integer
) strict;
