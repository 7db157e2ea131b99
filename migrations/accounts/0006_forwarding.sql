-- What aliases lead to besides accounts: addresses elsewhere, and other aliases, as addresses are written.
create table alias_forwards (
    alias integer not null references aliases (id) on delete cascade,
    address text not null,
    primary key (alias, address)
) strict, without rowid;
