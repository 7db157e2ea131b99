// The same two tasks without locks, on a bare socket: commands written in one piece run in order, and each sees the
// mailbox that the one before it selected.

import { connect as connectTls } from 'node:tls';
import { createInterface } from 'node:readline';
import { alice, assert, connect, host, ports, scenario, step, tls, within } from '../fixture.mjs';

const ROUNDS = 60;
const KEPT = 3;

scenario(async () => {
    const filler = await connect();
    for (let n = 1; n <= KEPT; n++) await filler.append('INBOX', `Subject: keep ${n}\r\n\r\nHello.\r\n`, []);
    const raw = await Raw.connect();
    await raw.run([`LOGIN ${alice.address} "${alice.password}"`]);

    step(`${ROUNDS} rounds in one write each`);
    for (let round = 1; round <= ROUNDS; round++) {
        // One to three, so that a number taken from the wrong mailbox shows.
        const discarded = 1 + (round % 3);
        for (let n = 0; n < discarded; n++) await filler.append('Trash', 'Subject: discard\r\n\r\nHello.\r\n', []);
        const [inbox, unseen, trash, store, expunge, again, left] = await raw.run([
            'SELECT INBOX',
            'SEARCH UNSEEN',
            'SELECT Trash',
            'STORE 1:* +FLAGS (\\Deleted)',
            'EXPUNGE',
            'SELECT INBOX',
            'FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]'
        ]);
        assert.ok(inbox.includes(`* ${KEPT} EXISTS`), 'SELECT INBOX');
        assert.ok(unseen.includes('* SEARCH 1 2 3'), 'SEARCH UNSEEN');
        assert.ok(trash.includes(`* ${discarded} EXISTS`), 'SELECT Trash');
        assert.equal(store.filter(line => /^\* \d+ FETCH .*\\Deleted/.test(line)).length, discarded, 'STORE');
        const gone = expunge.filter(line => /^\* \d+ EXPUNGE$/.test(line)).length;
        assert.equal(gone, discarded, `EXPUNGE in round ${round}, after ${store}: ${expunge}`);
        assert.ok(again.includes(`* ${KEPT} EXISTS`), 'SELECT INBOX again');
        assert.equal(left.filter(line => /^Subject: keep /.test(line)).length, KEPT, 'FETCH');
        assert.ok(!left.some(line => /discard/.test(line)), 'FETCH saw Trash');
    }

    step('IDLE, DONE and more in one write');
    const [idle, after] = await raw.run(['IDLE\r\nDONE', 'SEARCH ALL']);
    assert.ok(idle.some(line => line.startsWith('+')), 'IDLE');
    assert.ok(after.includes('* SEARCH 1 2 3'), 'SEARCH behind DONE');

    assert.equal((await filler.status('INBOX', { messages: true })).messages, KEPT);
    assert.equal((await filler.status('Trash', { messages: true })).messages, 0);
    await raw.run(['LOGOUT']);
    await filler.logout();
});

/** An IMAP connection that writes what it is given and reads lines; good for answers without literals of interest. */
class Raw {
    static async connect() {
        const socket = connectTls({ host, port: ports.imaps, ...tls });
        const raw = new Raw();
        raw.socket = socket;
        raw.number = 0;
        raw.lines = createInterface({ input: socket, crlfDelay: Infinity })[Symbol.asyncIterator]();
        await raw.line();
        return raw;
    }

    async line() {
        const { value, done } = await within('a line', this.lines.next());
        assert.ok(!done, 'the server closed the connection');
        return value;
    }

    /** Writes all commands at once. Returns the lines each was answered with; all must succeed. */
    async run(commands) {
        const tags = commands.map(() => `t${++this.number}`);
        this.socket.write(commands.map((command, n) => `${tags[n]} ${command}\r\n`).join(''));
        const answers = [];
        for (const tag of tags) {
            const answer = [];
            for (;;) {
                const line = await this.line();
                if (line.startsWith(`${tag} `)) {
                    assert.match(line, / OK /);
                    break;
                }
                assert.ok(!/^t\d+ /.test(line), `expected the answer to ${tag}, got: ${line}`);
                answer.push(line);
            }
            answers.push(answer);
        }
        return answers;
    }
}
