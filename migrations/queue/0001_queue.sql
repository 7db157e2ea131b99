-- Mail on its way to other servers, and mail that waits. What is here was promised to somebody: unlike the index this file
-- cannot be made again. The message of an entry is the file of its name in the folder `queue`.

-- Times are milliseconds since 1970.
create table entry (
    -- The QueueId.
    id integer primary key,
    arrived integer not null,
    -- After this no further attempt is made.
    expires integer not null,
    -- Empty for the null path.
    reverse_path text not null,
    -- The account that submitted it.
    account integer,
    -- Octets of the file, and how many of them in front are not sent (Return-Path, which is for mailboxes).
    size integer not null,
    skip integer not null,
    -- Fields that are sent in front of the message, such as its signature.
    header blob not null,
    body text not null,
    smtputf8 integer not null,
    ret text,
    envelope_id text
);

create table recipient (
    id integer primary key,
    entry integer not null references entry (id),
    address text not null,
    -- The domain it goes to; empty for this server.
    destination text not null,
    notify text,
    original text,
    due integer not null,
    held integer not null default 0,
    attempts integer not null default 0,
    -- Whether its sender was told that it takes long.
    delay_told integer not null default 0,
    -- Of the last attempt: when, who answered (empty: we), status code and text.
    tried integer,
    host text not null default '',
    status text not null default '',
    reply text not null default ''
);

create index recipient_of_entry on recipient (entry);
create index recipient_due on recipient (destination, due) where held = 0;
