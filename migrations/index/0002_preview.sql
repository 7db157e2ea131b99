-- The words that a client lists a message with (RFC 8970). A row may be missing: it is made when it is asked for.
create table preview (
    mailbox_id integer not null,
    uid integer not null,
    text text not null,
    primary key (mailbox_id, uid)
) without rowid;
