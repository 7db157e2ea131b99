-- Which messages can hold a text. Disposable: everything here can be made again from the messages.

-- A mailbox is known as in the index: by its account and its UIDVALIDITY.
create table mailbox (
    id integer primary key,
    account text not null,
    uid_validity integer not null,
    -- The UIDs that are in `text`, and those that were looked at and are not: as runs of two numbers of four octets,
    -- the highest octet first.
    indexed blob not null,
    passed blob not null,
    unique (account, uid_validity)
);

-- Three characters at a time, as SEARCH compares them. Only which message has them is kept, so a message that has all of a
-- phrase need not have the phrase. The row's number is the mailbox's, times 2^32, and the UID.
create virtual table text using fts5 (
    body,
    tokenize = "trigram case_sensitive 1",
    content = '',
    contentless_delete = 1,
    detail = none
);
