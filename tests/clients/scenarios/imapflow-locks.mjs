// ImapFlow with mailbox locks: two tasks share one connection, one lists INBOX, the other empties Trash. Neither may
// ever touch the mailbox of the other, however often they take turns.

import { assert, connect, scenario, step } from '../fixture.mjs';

const ROUNDS = 60;
const KEPT = 5;

scenario(async () => {
    const filler = await connect();
    for (let n = 1; n <= KEPT; n++) await filler.append('INBOX', message(`keep ${n}`), []);
    const client = await connect();

    step(`${ROUNDS} rounds of "list unseen" in INBOX and "delete all" in Trash`);
    let deleted = 0;
    for (let round = 1; round <= ROUNDS; round++) {
        await filler.append('Trash', message(`discard ${round}`), []);
        const tasks = [listUnseen(client), deleteAll(client).then(number => (deleted += number)), listUnseen(client)];
        if (round % 2) tasks.reverse();
        await Promise.all(tasks);
    }

    step('what is left');
    assert.equal(deleted, ROUNDS);
    assert.equal((await filler.status('INBOX', { messages: true })).messages, KEPT);
    assert.equal((await filler.status('Trash', { messages: true })).messages, 0);
    await filler.logout();
    await client.logout();
});

async function listUnseen(client) {
    const lock = await client.getMailboxLock('INBOX');
    try {
        assert.equal(client.mailbox.path, 'INBOX');
        const unseen = await client.search({ seen: false }, { uid: true });
        assert.equal(unseen.length, KEPT);
        const found = await client.fetchAll(unseen, { envelope: true }, { uid: true });
        assert.deepEqual(
            found.map(({ envelope }) => envelope.subject),
            Array.from({ length: KEPT }, (_, n) => `keep ${n + 1}`)
        );
    } finally {
        lock.release();
    }
}

async function deleteAll(client) {
    const lock = await client.getMailboxLock('Trash');
    try {
        assert.equal(client.mailbox.path, 'Trash');
        const all = await client.fetchAll('1:*', { envelope: true });
        for (const { envelope } of all) assert.match(envelope.subject, /^discard /);
        await client.messageDelete('1:*');
        return all.length;
    } finally {
        lock.release();
    }
}

function message(subject) {
    return `From: carol@elsewhere.test\r\nSubject: ${subject}\r\n\r\nHello.\r\n`;
}
