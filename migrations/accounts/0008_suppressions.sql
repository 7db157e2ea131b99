-- Addresses that mail of an account or alias is not sent to. `owner` is its address as it is written, `address` an address or,
-- for a domain, `@example.net`. `failed`: put here because the other server says that there is no such address.
create table suppressions (
    owner text not null,
    address text not null,
    failed integer not null default 0,
    reason text not null,
    added integer not null default (unixepoch()),
    expires integer,
    primary key (owner, address)
) strict, without rowid;
