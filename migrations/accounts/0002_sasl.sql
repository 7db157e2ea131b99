-- What SASL needs beside the hash of a password.

-- Random octets that this server alone knows, by what they are for. Made when the database is opened for the first time.
create table secrets (
    name text primary key,
    value blob not null
) strict, without rowid;

-- The keys of SCRAM-SHA-256 (RFC 5802 §3) for the account's password. Null in accounts that were made before there were
-- any: filled in by the next login that shows the password, or by a new password.
alter table accounts add column stored_key blob;
alter table accounts add column server_key blob;

-- Passwords that were made for one program of an account's owner. `digest` is a keyed hash of the password; the keys are
-- those of SCRAM again. `used` is when it last logged in, in seconds since 1970, and `used_from` is from where.
create table app_passwords (
    id integer primary key,
    account integer not null references accounts (id) on delete cascade,
    name text not null,
    scope text not null check (scope in ('imap', 'smtp', 'both')),
    digest blob not null,
    stored_key blob not null,
    server_key blob not null,
    created integer not null default (unixepoch()),
    used integer,
    used_from text,
    unique (account, name),
    unique (account, digest)
) strict;
