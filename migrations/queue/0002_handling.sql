-- What a sender wants of the way of a message. All recipients of an entry have its priority (MT-PRIORITY), for it is by that
-- and by time that they are looked for.
alter table recipient add column priority integer not null default 0;

-- 'required': REQUIRETLS. 'optional': TLS-Required: No.
alter table entry add column tls text not null default '';
-- BY: the moment, and its mode ('N', 'R') with 'T' for trace.
alter table entry add column deliver_by integer;
alter table entry add column by_mode text;

drop index recipient_due;
create index recipient_due on recipient (destination, priority, due) where held = 0;
