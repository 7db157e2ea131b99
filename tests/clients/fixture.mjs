// What the JavaScript scenarios share: the server they talk to, mail to send, bounded waits.

import { readFileSync } from 'node:fs';
import { strict as assert } from 'node:assert';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';

const server = JSON.parse(readFileSync(process.env.MAIL_SERVER));
const tls = { ca: readFileSync(server.certificate), servername: server.host };

export const { host, domain, ports } = server;
export const { alice, bob } = server.accounts;

// How long anything may take that should happen at once, in milliseconds.
const WAIT = 20_000;
const timeouts = { connectionTimeout: WAIT, greetingTimeout: WAIT, socketTimeout: WAIT };

/** Says what comes next, so that the log of a failure shows where it happened. */
export function step(text) {
    console.log(`- ${text}`);
}

/** A promise that is rejected when it takes too long. */
export function within(what, promise, milliseconds = WAIT) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds} ms`)), milliseconds);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The next event of `emitter` that `wanted` accepts. Listen before you cause it. */
export function event(emitter, name, wanted = () => true) {
    let listener;
    const heard = new Promise(resolve => {
        listener = data => wanted(data) && resolve(data);
        emitter.on(name, listener);
    });
    return within(`event ${name}`, heard).finally(() => emitter.off(name, listener));
}

/** A connected ImapFlow, over implicit TLS unless told otherwise, in IMAP4rev2 where it can be. Its errors end the scenario. */
export async function connect(account = alice, options = {}) {
    const client = new ImapFlow({
        host,
        port: ports.imaps,
        secure: true,
        tls,
        auth: { user: account.address, pass: account.password },
        logger: false,
        emitLogs: true,
        ...timeouts,
        ...options
    });
    client.on('error', error => fail(error));
    await within('login', client.connect());
    const rev2 = client.capabilities.has('IMAP4rev2') && !options.disableIMAP4rev2;
    assert.equal(client.enabled.has('IMAP4REV2'), rev2, 'IMAP4rev2 is enabled where it is announced');
    return client;
}

/** Puts a client that has a mailbox open into IDLE; resolves when the server has agreed. */
export async function idle(client) {
    const agreed = event(client, 'log', entry => entry.msg?.startsWith('Initiated IDLE'));
    client.idle().catch(fail);
    await agreed;
}

/** A nodemailer transport of alice by submission: 'starttls' or 'implicit'. */
export function submission(kind, options = {}) {
    return createTransport({
        host,
        port: kind === 'implicit' ? ports.submissions : ports.submission,
        secure: kind === 'implicit',
        requireTLS: true,
        tls,
        ...timeouts,
        auth: { user: alice.address, pass: alice.password },
        ...options
    });
}

/** A nodemailer transport to the port for other servers. */
export function relay(options = {}) {
    return createTransport({ host, port: ports.smtp, secure: false, tls, ...timeouts, ...options });
}

/** Runs the scenario, with an exit status that says how it went. */
export function scenario(body) {
    body().then(() => process.exit(0), fail);
}

function fail(error) {
    console.error(error);
    process.exit(1);
}

export { assert, tls };
