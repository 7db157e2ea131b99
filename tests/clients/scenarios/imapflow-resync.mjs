// ImapFlow that comes back: QRESYNC tells it what has gone and what has changed, over a compressed connection.

import { assert, connect, event, idle, scenario, step, within } from '../fixture.mjs';

const MESSAGES = 6;

scenario(async () => {
    const other = await connect();
    await other.mailboxOpen('INBOX');
    for (let number = 1; number <= MESSAGES; number++) {
        await other.append('INBOX', `Subject: number ${number}\r\n\r\n${'text '.repeat(2000)}\r\n`);
    }

    step('the first visit');
    const first = await connect(undefined, { qresync: true });
    assert.ok(first.enabled.has('QRESYNC'), 'QRESYNC is not enabled');
    assert.equal(!!first._deflate, first.capabilities.has('COMPRESS=DEFLATE'), 'compressed when it can be');
    const seen = await first.mailboxOpen('INBOX');
    assert.equal(seen.exists, MESSAGES);
    const known = new Map();
    for await (const { uid, flags } of first.fetch('1:*', { flags: true })) known.set(uid, [...flags]);
    const uids = [...known.keys()];
    await first.logout();

    step('what others do meanwhile');
    await other.messageDelete([uids[1], uids[2], uids[5]].join(), { uid: true });
    await other.messageFlagsAdd(String(uids[4]), ['\\Flagged'], { uid: true });
    const { uid: added } = await other.append('INBOX', 'Subject: new\r\n\r\ntext\r\n', ['\\Draft']);

    step('the second visit is told exactly that');
    const second = await connect(undefined, { qresync: true });
    const gone = [];
    const changed = new Map();
    second.on('expunge', ({ uid, vanished, earlier }) => vanished && earlier && gone.push(uid));
    second.on('flags', ({ uid, flags }) => changed.set(uid, [...flags].filter(flag => flag !== '\\Recent')));
    const again = await second.mailboxOpen('INBOX', {
        uidValidity: seen.uidValidity,
        changedSince: seen.highestModseq
    });
    assert.ok(again.qresync, 'not resynchronized');
    assert.equal(again.uidValidity, seen.uidValidity);
    const { highestModseq } = again;
    assert.ok(highestModseq > seen.highestModseq);
    assert.deepEqual(gone, [uids[1], uids[2], uids[5]]);
    assert.deepEqual([...changed], [[uids[4], ['\\Flagged']], [added, ['\\Draft']]]);

    step('and what happens while it waits');
    await idle(second);
    const expunged = event(second, 'expunge', ({ vanished, earlier }) => vanished && !earlier);
    await other.messageDelete(String(uids[0]), { uid: true });
    assert.equal((await expunged).uid, uids[0]);
    assert.equal(second.mailbox.exists, 3);

    step('changes since then, in the open mailbox');
    await other.messageFlagsAdd(String(uids[3]), ['\\Answered'], { uid: true });
    const since = { changedSince: highestModseq, uid: true };
    const told = new Set();
    const fetching = (async () => {
        for await (const { uid } of second.fetch('1:*', { flags: true }, since)) told.add(uid);
    })();
    await within('what changed', fetching);
    assert.deepEqual([...told], [uids[3]]);
    assert.ok(gone.includes(uids[0]), 'what has gone since is not told again');

    step('large bodies, compressed');
    const { content } = await second.download(String(uids[3]), undefined, { uid: true });
    let octets = 0;
    for await (const piece of content) octets += piece.length;
    assert.ok(octets > 10_000);
    for (const client of [second, other]) await client.logout();
});
