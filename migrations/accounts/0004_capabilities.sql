-- Capabilities of IMAP that are switched off for one account, in upper case: some programs break on what they should not
-- read.
create table disabled_capabilities (
    account integer not null references accounts (id) on delete cascade,
    name text not null,
    primary key (account, name)
) strict, without rowid;
