-- What was seen of other domains' mail and servers, what they were told of it, and what others tell of our domains.

-- Counted together by UTC day (days since 1970). What a row says is for whoever writes the report; here it is only compared.
create table seen (
    -- 'dmarc' or 'tls'
    kind text not null,
    day integer not null,
    -- Who is told.
    domain text not null,
    policy text not null,
    record text not null,
    count integer not null,
    primary key (kind, day, domain, policy, record)
) without rowid;

-- Reports that are settled, sent or not: each of a day only once.
create table told (
    kind text not null,
    day integer not null,
    domain text not null,
    -- In words for people.
    outcome text not null,
    primary key (kind, day, domain)
) without rowid;

-- Somebody does not want to wait for the time of the next reports.
create table wish (only integer primary key check (only = 1));

-- Reports that came.
create table received (
    id integer primary key,
    kind text not null,
    -- Our domain.
    domain text not null,
    -- Who tells, and by what name its report goes: the same report is kept once.
    reporter text not null,
    report text not null,
    -- In seconds since 1970.
    begins integer not null,
    ends integer not null,
    -- The day it came.
    day integer not null,
    unique (kind, domain, reporter, report)
);

create table received_row (
    received integer not null references received on delete cascade,
    -- An address that sent mail, or a server that was spoken with.
    source text not null,
    count integer not null,
    -- Whether what was to be proven was.
    passed integer not null,
    -- In words for people.
    detail text not null
);

create index received_row_of on received_row (received);
