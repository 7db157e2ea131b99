// ImapFlow in IDLE, in IMAP4rev2 and in IMAP4rev1: a delivery, a flag and an expunge by others arrive as events at once.

import { alice, assert, bob, connect, event, idle, ports, scenario, step, submission } from '../fixture.mjs';

scenario(async () => {
    const startTls = { port: ports.imap, secure: false, doSTARTTLS: true };
    const rev1 = { disableIMAP4rev2: true };
    const idlers = [await connect(), await connect(alice, rev1), await connect(alice, startTls)];
    const [first] = idlers;
    for (const client of idlers) {
        await client.mailboxOpen('INBOX');
        await idle(client);
    }

    let count = 0;
    for (const kind of ['starttls', 'implicit']) {
        step(`a message sent by submission, ${kind}`);
        const transport = submission(kind);
        const told = idlers.map(client => event(client, 'exists'));
        await transport.sendMail({
            from: alice.address,
            to: [alice.address, bob.address],
            subject: `pushed by ${kind}`,
            text: 'Now.'
        });
        const accepted = performance.now();
        for (const { path, count: now, prevCount } of await Promise.all(told)) {
            assert.deepEqual([path, now, prevCount], ['INBOX', count + 1, count]);
        }
        const after = (performance.now() - accepted).toFixed(1);
        console.log(`  all ${idlers.length} clients knew ${after} ms after the 250`);
        assert.ok(idlers.every(client => client.idling), 'a client left IDLE');
        count += 1;
        transport.close();
    }

    step('the flags another client sets');
    const other = await connect();
    await other.mailboxOpen('INBOX');
    const flagged = idlers.map(client => event(client, 'flags', ({ flags }) => flags.has('\\Flagged')));
    await other.messageFlagsAdd('1', ['\\Flagged']);
    for (const { seq } of await Promise.all(flagged)) assert.equal(seq, 1);

    step('what another client expunges');
    const expunged = idlers.map(client => event(client, 'expunge'));
    await other.messageDelete('1');
    for (const { seq } of await Promise.all(expunged)) assert.equal(seq, 1);

    step('the message that is left, fetched by a client that was idling');
    const message = await first.fetchOne('*', { envelope: true });
    assert.equal(message.envelope.subject, 'pushed by implicit');
    assert.equal(first.mailbox.exists, 1);
    for (const client of [...idlers, other]) await client.logout();
});
