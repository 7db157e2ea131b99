-- Who may log in, and whose an address is.

-- Domains that are ours. `name` is in lower-case U-labels, as addresses are compared.
create table domains (
    id integer primary key,
    name text not null unique
) strict;

-- `autoincrement`: the number of an account that was removed is never given again, for it may live on elsewhere.
-- `local` is in lower case. `password` is a PHC string.
create table accounts (
    id integer primary key autoincrement,
    domain integer not null references domains (id) on delete restrict,
    local text not null,
    password text not null,
    enabled integer not null default 1,
    created integer not null default (unixepoch()),
    unique (domain, local)
) strict;

-- Further addresses. The empty local part is the catch-all of its domain. That no alias has the address of an account is
-- checked where either is added, in one transaction.
create table aliases (
    id integer primary key,
    domain integer not null references domains (id) on delete restrict,
    local text not null,
    unique (domain, local)
) strict;

-- The accounts an alias leads to, at least one.
create table alias_targets (
    alias integer not null references aliases (id) on delete cascade,
    account integer not null references accounts (id) on delete restrict,
    primary key (alias, account)
) strict, without rowid;

create index alias_targets_account on alias_targets (account);
