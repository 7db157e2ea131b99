// What the scenario asks of Thunderbird. Runs inside it, with its privileges; each function may return a promise.

const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');
const { setTimeout } = ChromeUtils.importESModule('resource://gre/modules/Timer.sys.mjs');

/** Trusts the certificate (DER in base64) at these ports, stores the password, and shows the inbox. */
async function prepare(host, user, password, ports, der) {
    const database = Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB);
    const overrides = Cc['@mozilla.org/security/certoverride;1'].getService(Ci.nsICertOverrideService);
    for (const port of ports) {
        overrides.rememberValidityOverride(host, port, {}, database.constructX509FromBase64(der), false);
    }
    for (const origin of [`imap://${host}`, `smtp://${host}`]) {
        const login = Cc['@mozilla.org/login-manager/loginInfo;1'].createInstance(Ci.nsILoginInfo);
        login.init(origin, null, origin, user, password, '', '');
        await Services.logins.addLoginAsync(login);
    }
    root().server.performExpand(null);
    await until(inbox);
    const window = Services.wm.getMostRecentWindow('mail:3pane');
    window.document.getElementById('tabmail').currentAbout3Pane.displayFolder(inbox().URI);
}

/** The time in milliseconds when a message with this subject is, or no longer is, in a folder's database. */
async function appeared(folder, subject, wanted = {}) {
    await until(() => {
        const header = find(folder, subject);
        return wanted.gone ? !header : header && (!wanted.flagged || header.isFlagged);
    });
    return Date.now();
}

function subjects(folder) {
    return [...named(folder).messages].map(header => header.mime2DecodedSubject);
}

function markRead(folder, subject) {
    named(folder).markMessagesRead([find(folder, subject)], true);
}

function move(from, subject, to) {
    return copied(listener =>
        MailServices.copy.copyMessages(named(from), [find(from, subject)], named(to), true, listener, null, false)
    );
}

async function createFolder(name) {
    root().createSubfolder(name, null);
    await until(() => named(name));
}

/** The text of a message, fetched from the server. */
function read(folder, subject) {
    const uri = named(folder).getUriForMsg(find(folder, subject));
    const service = MailServices.messageServiceFromURI(uri);
    return new Promise((resolve, reject) => {
        let text = '';
        const listener = {
            QueryInterface: ChromeUtils.generateQI(['nsIStreamListener', 'nsIRequestObserver']),
            onStartRequest() {},
            onDataAvailable(request, stream, offset, count) {
                const input = Cc['@mozilla.org/scriptableinputstream;1'].createInstance(Ci.nsIScriptableInputStream);
                input.init(stream);
                text += input.readBytes(count);
            },
            onStopRequest(request, status) {
                if (Components.isSuccessCode(status)) resolve(text);
                else reject(new Error(`reading failed: ${status}`));
            }
        };
        service.streamMessage(uri, listener, null, null, false, '', false);
    });
}

/** Sends a message by the account's submission server and files it into Sent. */
async function send(to, subject, text) {
    const identity = MailServices.accounts.defaultAccount.defaultIdentity;
    const fields = Cc['@mozilla.org/messengercompose/composefields;1'].createInstance(Ci.nsIMsgCompFields);
    Object.assign(fields, { from: identity.email, to, subject, fcc: named('Sent').URI });
    const file = Services.dirsvc.get('TmpD', Ci.nsIFile);
    file.append('posthaste-message.eml');
    file.createUnique(Ci.nsIFile.NORMAL_FILE_TYPE, 0o600);
    const header = `From: ${identity.email}\r\nTo: ${to}\r\nSubject: ${subject}\r\n`;
    await IOUtils.writeUTF8(file.path, `${header}Date: ${new Date().toUTCString()}\r\n\r\n${text}\r\n`);
    return new Promise((resolve, reject) => {
        const listener = {
            QueryInterface: ChromeUtils.generateQI(['nsIMsgSendListener', 'nsIMsgCopyServiceListener']),
            onStartSending() {},
            onSendProgress() {},
            onStatus() {},
            onTransportSecurityError(id, status) { reject(new Error(`no security: ${status}`)); },
            onSendNotPerformed(id, status) { reject(new Error(`not sent: ${status}`)); },
            onGetDraftFolderURI() {},
            onStopSending(id, status) {
                if (!Components.isSuccessCode(status)) reject(new Error(`sending failed: ${status}`));
            },
            onStartCopy() {},
            onProgress() {},
            setMessageKey() {},
            getMessageId() { return null; },
            onStopCopy(status) {
                if (Components.isSuccessCode(status)) resolve();
                else reject(new Error(`filing into Sent failed: ${status}`));
            }
        };
        Cc['@mozilla.org/messengercompose/send;1'].createInstance(Ci.nsIMsgSend).sendMessageFile(
            identity, null, fields, file, true, false, Ci.nsIMsgSend.nsMsgDeliverNow, null, listener, null
        );
    });
}

function root() {
    return MailServices.accounts.defaultAccount.incomingServer.rootFolder;
}

function inbox() {
    return root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
}

function named(name) {
    return name == 'INBOX' ? inbox() : root().subFolders.find(folder => folder.name == name);
}

function find(folder, subject) {
    return [...named(folder).messages].find(header => header.mime2DecodedSubject == subject);
}

/** Waits for what nothing announces; the remote control bounds every call. */
async function until(probe) {
    while (!probe()) await new Promise(resolve => setTimeout(resolve, 1));
}

function copied(begin) {
    return new Promise((resolve, reject) => begin({
        QueryInterface: ChromeUtils.generateQI(['nsIMsgCopyServiceListener']),
        onStartCopy() {},
        onProgress() {},
        setMessageKey() {},
        getMessageId() { return null; },
        onStopCopy(status) {
            if (Components.isSuccessCode(status)) resolve();
            else reject(new Error(`moving failed: ${status}`));
        }
    }));
}
