// ImapFlow on messages: append, fetch of envelope, structure and source, a part downloaded, flags, search, copy, move,
// and what changed since a MODSEQ.

import { buffer } from 'node:stream/consumers';
import { randomBytes } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import { assert, bob, connect, relay, scenario, step } from '../fixture.mjs';

const ATTACHMENT = randomBytes(200_000);
const SUBJECT = 'Grüße – 挨拶 with an attachment';

scenario(async () => {
    const client = await connect(bob);
    const source = await compose();

    step('append, with flags and a date');
    const date = new Date('2020-02-29T12:34:56Z');
    const appended = await client.append('INBOX', source, ['\\Seen', '\\Flagged', '$Important'], date);
    assert.equal(appended.destination, 'INBOX');
    const uid = number => appended.uid + number - 1;
    const mailbox = await client.mailboxOpen('INBOX');
    assert.equal(appended.uidValidity, mailbox.uidValidity);
    assert.equal(mailbox.exists, 1);

    step('fetch everything');
    const message = await client.fetchOne('1', {
        uid: true, flags: true, internalDate: true, size: true, envelope: true, bodyStructure: true, source: true,
        headers: ['X-Test']
    });
    assert.equal(message.uid, appended.uid);
    assert.deepEqual(new Set(['\\Seen', '\\Flagged', '$Important']), without(message.flags, '\\Recent'));
    assert.equal(message.internalDate.valueOf(), date.valueOf());
    assert.equal(message.size, source.length);
    assert.ok(message.source.equals(source), 'the source differs from what was appended');
    assert.match(message.headers.toString(), /^X-Test: one two\r\n/);
    assert.ok(message.modseq > 0n);
    const { envelope } = message;
    assert.equal(envelope.subject, SUBJECT);
    assert.deepEqual(envelope.from, [{ name: 'Çarol', address: 'carol@elsewhere.test' }]);
    assert.deepEqual(envelope.to.map(({ address }) => address), [bob.address, 'dave@elsewhere.test']);
    assert.equal(envelope.messageId, '<attachment@elsewhere.test>');
    assert.equal(envelope.inReplyTo, '<before@elsewhere.test>');

    step('structure, and a part of it downloaded');
    const { bodyStructure } = message;
    assert.equal(bodyStructure.type, 'multipart/mixed');
    const [alternative, attachment] = bodyStructure.childNodes;
    assert.deepEqual(alternative.childNodes.map(({ type }) => type), ['text/plain', 'text/html']);
    assert.equal(attachment.type, 'application/octet-stream');
    assert.equal(attachment.dispositionParameters.filename, 'größe.bin');
    const { meta, content } = await client.download('1', attachment.part);
    assert.equal(meta.filename, 'größe.bin');
    assert.ok((await buffer(content)).equals(ATTACHMENT), 'the attachment differs');
    const text = await client.download('1', '1.1');
    assert.equal((await buffer(text.content)).toString().trim(), 'Plain – ε');
    const partial = await client.fetchOne('1', { source: { start: 10, maxLength: 100 } });
    assert.ok(partial.source.equals(source.subarray(10, 110)), 'a partial fetch differs');

    step('search');
    for (const [subject, flags] of [['first', []], ['second', ['\\Seen']], ['third', ['\\Seen', 'work']]]) {
        const header = `From: x@elsewhere.test\r\nSubject: ${subject}\r\n`;
        await client.append('INBOX', `${header}\r\nbody of ${subject}\r\n`, flags);
    }
    await client.noop();
    const searches = [
        [{ all: true }, [1, 2, 3, 4]],
        [{ seen: false }, [2]],
        [{ flagged: true }, [1]],
        [{ keyword: 'work' }, [4]],
        [{ unKeyword: 'work', seen: true }, [1, 3]],
        [{ subject: 'SECOND' }, [3]],
        [{ subject: '挨拶' }, [1]],
        [{ body: 'body of third' }, [4]],
        [{ from: 'x@elsewhere' }, [2, 3, 4]],
        [{ header: { 'X-Test': 'two' } }, [1]],
        [{ before: new Date('2021-01-01') }, [1]],
        [{ larger: 100_000 }, [1]],
        [{ uid: `${uid(2)}:${uid(3)}` }, [2, 3]],
        [{ or: [{ subject: 'first' }, { subject: 'third' }] }, [2, 4]],
        [{ not: { seen: true } }, [2]]
    ];
    const rev1 = await connect(bob, { disableIMAP4rev2: true });
    await rev1.mailboxOpen('INBOX');
    for (const asking of [client, rev1]) {
        for (const [query, expected] of searches) {
            assert.deepEqual(await asking.search(query), expected, JSON.stringify(query));
        }
    }
    await rev1.logout();

    step('flags');
    await client.messageFlagsAdd('2:3', ['\\Answered', 'later']);
    await client.messageFlagsRemove('3', ['\\Seen']);
    await client.messageFlagsSet('4', ['\\Draft']);
    assert.deepEqual(await flags(client), {
        1: '$Important \\Flagged \\Seen', 2: '\\Answered later', 3: '\\Answered later', 4: '\\Draft'
    });

    step('changed since');
    const before = (await client.status('INBOX', { highestModseq: true })).highestModseq;
    await client.messageFlagsAdd('3', ['\\Flagged']);
    const changed = await client.fetchAll('1:*', { flags: true, uid: true }, { changedSince: before });
    assert.deepEqual(changed.map(message => message.uid), [uid(3)]);
    assert.ok(changed[0].modseq > before);
    const refused = await client.fetchAll('3', { flags: true });
    await client.messageFlagsAdd('3', ['$Junk'], { unchangedSince: before });
    assert.deepEqual((await client.fetchAll('3', { flags: true }))[0].flags, refused[0].flags, 'UNCHANGEDSINCE');

    step('copy and move');
    const copied = await client.messageCopy('2:3', 'Archive');
    assert.deepEqual([...copied.uidMap.keys()], [uid(2), uid(3)]);
    const moved = await client.messageMove('2', 'Trash');
    assert.deepEqual([...moved.uidMap.keys()], [uid(2)]);
    assert.equal(client.mailbox.exists, 3);
    await client.messageDelete(`${uid(3)}`, { uid: true });
    assert.equal(client.mailbox.exists, 2);
    await client.mailboxOpen('Archive');
    assert.deepEqual(
        (await client.fetchAll('1:*', { envelope: true })).map(({ envelope }) => envelope.subject), ['first', 'second']
    );
    assert.deepEqual(await flags(client), { 1: '\\Answered later', 2: '\\Answered \\Flagged later' });
    assert.deepEqual(await client.fetchAll(`${uid(1000)}:${uid(1001)}`, { flags: true }, { uid: true }), []);

    step('what SMTP delivers, byte for byte');
    await relay().sendMail({ envelope: { from: 'carol@elsewhere.test', to: bob.address }, raw: source });
    await client.mailboxOpen('INBOX');
    const delivered = await client.fetchOne('*', { source: true });
    assert.ok(delivered.source.subarray(-source.length).equals(source), 'the delivered message differs');
    await client.logout();
});

function compose() {
    const mail = new MailComposer({
        from: 'Çarol <carol@elsewhere.test>',
        to: [bob.address, 'dave@elsewhere.test'],
        subject: SUBJECT,
        messageId: '<attachment@elsewhere.test>',
        inReplyTo: '<before@elsewhere.test>',
        headers: { 'X-Test': 'one two' },
        text: 'Plain – ε',
        html: '<p>Rich – ε</p>',
        attachments: [{ filename: 'größe.bin', content: ATTACHMENT }]
    });
    return mail.compile().build();
}

async function flags(client) {
    const all = await client.fetchAll('1:*', { flags: true });
    return Object.fromEntries(all.map(({ seq, flags }) => [seq, [...without(flags, '\\Recent')].sort().join(' ')]));
}

function without(set, flag) {
    return new Set([...set].filter(each => each !== flag));
}
