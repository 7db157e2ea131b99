// ImapFlow on mailboxes: special use, creation, renaming and deletion with names of every script, subscription, status.

import { alice, assert, connect, relay, scenario, step } from '../fixture.mjs';

const NAMES = ['Projects', 'Übergrößen', '日本語', 'Привет', 'a & b', 'smile 😀', "with 'quotes' and \"more\"", '100%'];

scenario(async () => {
    const client = await connect();
    const other = await connect();

    step('special use');
    const use = Object.fromEntries((await client.list()).map(({ specialUse, path }) => [specialUse, path]));
    assert.equal(use['\\Inbox'], 'INBOX');
    for (const name of ['Archive', 'Drafts', 'Junk', 'Sent', 'Trash']) assert.equal(use[`\\${name}`], name);
    for (const { specialUse, specialUseSource } of await client.list()) {
        if (specialUse && specialUse !== '\\Inbox') assert.equal(specialUseSource, 'extension', specialUse);
    }

    step('create, with a message in each');
    const usual = await paths(client);
    for (const name of NAMES) {
        assert.equal((await client.mailboxCreate(name)).created, true, name);
        assert.equal((await client.mailboxCreate(name)).created, false, `${name} again`);
        await client.append(name, `Subject: in ${name.length}\r\n\r\nHello.\r\n`);
        await client.mailboxSubscribe(name);
    }
    assert.deepEqual(await paths(other), [...usual, ...NAMES].sort());
    assert.ok((await other.list()).filter(({ path }) => NAMES.includes(path)).every(({ subscribed }) => subscribed));

    step('levels');
    await client.mailboxCreate(['Projects', 'Größe', '2026']);
    const deep = (await client.list()).find(({ path }) => path === 'Projects/Größe/2026');
    assert.deepEqual([deep.delimiter, deep.name, deep.parentPath], ['/', '2026', 'Projects/Größe']);

    step('rename, with what is inside');
    await client.mailboxRename('Projects', 'Übergrößen/Projekte');
    const after = await paths(other);
    assert.ok(after.includes('Übergrößen/Projekte'));
    assert.ok(after.includes('Übergrößen/Projekte/Größe/2026'));
    assert.ok(!after.some(path => path.startsWith('Projects')));

    step('status');
    for (const name of NAMES.slice(1)) {
        const status = await other.status(name, {
            messages: true, unseen: true, uidNext: true, uidValidity: true, highestModseq: true
        });
        assert.deepEqual([status.messages, status.unseen], [1, 1], name);
        assert.ok(status.uidNext > 1 && status.uidValidity > 0n);
        assert.ok(status.highestModseq > 0n);
    }
    assert.equal((await other.status('Übergrößen/Projekte', { messages: true })).messages, 1);
    await relay().sendMail({ from: 'carol@elsewhere.test', to: alice.address, subject: 'one', text: 'one' });
    assert.equal((await other.status('INBOX', { messages: true })).messages, 1);
    const listed = await other.list({ statusQuery: { messages: true, unseen: true } });
    assert.deepEqual(
        listed.filter(({ path }) => path === 'INBOX' || path === '日本語').map(({ status }) => status.messages), [1, 1]
    );

    step('open each, and delete it under the eyes of the other client');
    for (const name of NAMES.slice(1)) {
        const mailbox = await other.mailboxOpen(name);
        assert.deepEqual([mailbox.path, mailbox.exists], [name, 1]);
        await other.mailboxClose();
    }
    for (const name of ['Übergrößen/Projekte/Größe/2026', 'Übergrößen/Projekte', ...NAMES.slice(1)]) {
        await client.mailboxDelete(name);
    }
    // Debian's Dovecot keeps a parent that was never created by name; RFC 9051 §6.3.4 leaves that open.
    assert.deepEqual((await paths(other)).filter(path => path !== 'Übergrößen/Projekte/Größe'), usual);
    await assert.rejects(other.mailboxOpen('日本語'));
    await client.logout();
    await other.logout();
});

async function paths(client) {
    return (await client.list()).filter(({ flags }) => !flags.has('\\Noselect')).map(({ path }) => path).sort();
}
