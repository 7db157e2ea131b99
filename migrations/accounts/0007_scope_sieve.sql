-- App passwords that may change the rules for mail (ManageSieve), which those for reading mail no longer may. The list of
-- scopes is a condition of the table, so it is made anew.
create table app_passwords_with_sieve (
    id integer primary key,
    account integer not null references accounts (id) on delete cascade,
    name text not null,
    scope text not null check (scope in ('imap', 'smtp', 'sieve', 'both')),
    digest blob not null,
    stored_key blob not null,
    server_key blob not null,
    created integer not null default (unixepoch()),
    used integer,
    used_from text,
    unique (account, name),
    unique (account, digest)
) strict;
insert into app_passwords_with_sieve
    select id, account, name, scope, digest, stored_key, server_key, created, used, used_from from app_passwords;
drop table app_passwords;
alter table app_passwords_with_sieve rename to app_passwords;
