-- The index of all mailboxes. Disposable: everything here but MODSEQs and \Recent can be made again from the Maildirs.

-- A mailbox is known by its account and its UIDVALIDITY, which its folder keeps on disk: renaming it is no change here.
create table mailbox (
    id integer primary key,
    account text not null,
    uid_validity integer not null,
    -- 0 when all UIDs are used up.
    uid_next integer not null,
    mod_seq integer not null,
    -- UIDs from here on have not been shown as \Recent to any session.
    first_recent integer not null,
    -- From this MODSEQ on all expunges are in `vanished`.
    history integer not null,
    -- 0 until all messages that were in the folder when the row was made are in the index.
    complete integer not null,
    unique (account, uid_validity)
);

-- What opening a mailbox loads: kept apart from the summaries, so that it is read from few pages.
create table message (
    mailbox_id integer not null,
    uid integer not null,
    mod_seq integer not null,
    flags integer not null,
    keywords integer not null,
    size integer not null,
    -- INTERNALDATE: seconds since 1970, and minutes east of UTC.
    date integer not null,
    date_offset integer not null,
    -- Below the mailbox's folder: `new/...` or `cur/...`.
    path text not null,
    primary key (mailbox_id, uid)
) without rowid;

-- Envelope and structure, as `Summary::encode` writes them. A row may be missing: it is made when it is asked for.
create table summary (
    mailbox_id integer not null,
    uid integer not null,
    summary blob not null,
    primary key (mailbox_id, uid)
) without rowid;

-- Messages expunged, for clients that come back after a while (RFC 7162 §3.2.5.2).
create table vanished (
    mailbox_id integer not null,
    mod_seq integer not null,
    uid integer not null,
    -- When, in seconds since 1970.
    time integer not null,
    primary key (mailbox_id, mod_seq, uid)
) without rowid;

-- Files that are to go: a file of this base name in the mailbox's folder that no message has is removed when it is seen.
-- So an expunge is done when it is committed, and a copy that was cut off by a crash leaves nothing behind.
create table doomed (
    mailbox_id integer not null,
    base text not null,
    primary key (mailbox_id, base)
) without rowid;
