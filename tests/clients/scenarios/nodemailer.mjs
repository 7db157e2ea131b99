// nodemailer: many messages, attachments, every kind of text, a large one, and what must be refused.

import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { alice, assert, bob, connect, domain, relay, scenario, step, submission } from '../fixture.mjs';

const MANY = 50;
const LARGE = 10 << 20;

scenario(async () => {
    const client = await connect(bob);

    step(`${MANY} messages over a pool of connections`);
    const pool = submission('starttls', { pool: true, maxConnections: 5 });
    await Promise.all(
        Array.from({ length: MANY }, (_, n) => pool.sendMail(mail({ subject: `many ${n}`, text: `number ${n}` })))
    );
    pool.close();
    await client.mailboxOpen('INBOX');
    const many = await client.fetchAll('1:*', { envelope: true });
    assert.deepEqual(
        many.map(({ envelope }) => envelope.subject).sort(), Array.from({ length: MANY }, (_, n) => `many ${n}`).sort()
    );

    step('text of every kind');
    const transport = submission('implicit');
    const texts = [
        { subject: 'plain', text: 'seven bits' },
        { subject: 'Grüße 挨拶 😀', text: 'Grüße 挨拶 😀', textEncoding: 'base64' },
        { subject: 'quoted', text: 'Grüße = 挨拶\n.\n.. dots\n', textEncoding: 'quoted-printable' },
        { subject: 'html', html: '<p>Grüße</p>' },
        { subject: 'long line', text: 'x'.repeat(900) }
    ];
    for (const text of texts) {
        await transport.sendMail(mail(text));
        const message = await newest(client);
        assert.equal(message.envelope.subject, text.subject);
        const { content } = await client.download('*', '1');
        assert.equal(lines((await buffer(content)).toString()), lines(text.text ?? text.html));
    }

    step('8BITMIME and dots at the beginnings of lines, byte for byte');
    const raw = Buffer.from(
        `From: ${alice.address}\r\nTo: ${bob.address}\r\nSubject: raw\r\nMIME-Version: 1.0\r\n`
        // A submission server adds these where they are missing (RFC 6409 §8).
        + 'Date: Sat, 29 Feb 2020 12:34:56 +0000\r\nMessage-ID: <raw@elsewhere.test>\r\n'
        + 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
        + '.\r\n..\r\n.Größe 挨拶\r\n\r\n.\r\n'
    );
    await transport.sendMail({ envelope: { from: alice.address, to: bob.address, use8BitMime: true }, raw });
    assert.ok((await newest(client)).source.subarray(-raw.length).equals(raw), 'the raw message differs');

    step('attachments');
    const pieces = [randomBytes(1), randomBytes(70_000), Buffer.alloc(0), Buffer.from('Größe\n')];
    const attachments = pieces.map((content, n) => ({ filename: `piece ${n} – ä.bin`, content }));
    await transport.sendMail(mail({ subject: 'attachments', text: 'see below', attachments }));
    await newest(client);
    for (const [n, piece] of pieces.entries()) {
        const { meta, content } = await client.download('*', `${n + 2}`);
        assert.equal(meta.filename, attachments[n].filename);
        assert.ok((await buffer(content)).equals(piece), `attachment ${n} differs`);
    }

    step(`a large message, ${LARGE >> 20} MiB`);
    const large = randomBytes(LARGE);
    const attached = [{ filename: 'large.bin', content: large }];
    await transport.sendMail(mail({ subject: 'large', text: 'large', attachments: attached }));
    await newest(client, {});
    const { content } = await client.download('*', '2', { chunkSize: 1 << 20 });
    assert.equal(digest(await buffer(content)), digest(large));

    step('refusals');
    const before = (await client.status('INBOX', { messages: true })).messages;
    await refused(transport, { to: `nobody@${domain}` }, 550, /5\.1\.1/);
    await refused(relay(), { to: `nobody@${domain}` }, 550, /5\.1\.1/);
    await refused(relay(), { to: 'someone@remote.test' }, 550, /5\.7\.1/);
    // It knows from EHLO that this is too large.
    const tooLarge = { from: alice.address, to: bob.address, size: 1 << 30 };
    await assert.rejects(
        relay().sendMail({ envelope: tooLarge, raw: 'Subject: no\r\n\r\n' }), ({ code }) => code === 'EMESSAGE'
    );
    await assert.rejects(
        submission('implicit', { auth: { user: alice.address, pass: 'wrong' } }).sendMail(mail({ text: 'no' })),
        ({ code, responseCode }) => code === 'EAUTH' && responseCode === 535
    );
    await assert.rejects(
        submission('starttls', { auth: undefined }).sendMail(mail({ text: 'no' })),
        ({ responseCode }) => responseCode === 530
    );
    assert.equal((await client.status('INBOX', { messages: true })).messages, before);

    step('one known and one unknown recipient');
    const nobody = `nobody@${domain}`;
    const info = await transport.sendMail(mail({ to: [bob.address, nobody], subject: 'half', text: 'half' }));
    assert.deepEqual([info.accepted, info.rejected], [[bob.address], [nobody]]);
    assert.equal((await newest(client)).envelope.subject, 'half');
    transport.close();
    await client.logout();
});

function mail(more) {
    return { from: `"Älice" <${alice.address}>`, to: bob.address, ...more };
}

async function newest(client, query = { source: true }) {
    await client.noop();
    return client.fetchOne('*', { envelope: true, ...query });
}

async function refused(transport, { to }, code, text) {
    const envelope = { from: alice.address, to };
    await assert.rejects(transport.sendMail({ envelope, raw: 'Subject: no\r\n\r\nno\r\n' }), error => {
        assert.equal(error.responseCode, code, error.message);
        assert.match(error.response, text);
        return true;
    });
}

function lines(text) {
    return text.replaceAll('\r\n', '\n').trim();
}

function digest(content) {
    return createHash('sha256').update(content).digest('hex');
}
