-- How much an account has waiting is asked when it submits.
create index entry_of_account on entry (account) where account is not null;
