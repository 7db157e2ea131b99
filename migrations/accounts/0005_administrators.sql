-- Accounts that may set the quotas of all.
create table administrators (
    account integer primary key references accounts (id) on delete cascade
) strict;
