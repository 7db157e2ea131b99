"""Dovecot's sieve-test and `posthaste sieve try`: the same scripts, the same messages, the same actions.

Not here: `date :index`, by which Dovecot 2.3 takes the first field whatever the number is (RFC 5260 §6).
"""

import re
import tempfile
from pathlib import Path

from fixture import SERVER, check, need, run, skip, step

PROGRAM = Path(__file__).resolve().parents[3] / "target" / "debug" / "posthaste"
FROM, TO = "coyote@desert.example.org", "roadrunner+fast@acme.example.com"
FOLDERS = ["Lists", "Spam", "Archive/2026"]
EXTENSIONS = """fileinto envelope encoded-character comparator-i;ascii-numeric reject vacation imap4flags body variables
relational subaddress copy mailbox duplicate editheader date index""".split()

PLAIN = """Received: from a by b; Thu, 02 Apr 2026 23:30:00 +0000
Received: from c by d; Wed, 01 Apr 2026 10:00:00 +0000
Date: Wed, 1 Apr 2026 11:30:00 +0200
From: "Coyote, Wile E." <coyote@desert.example.org>
To: roadrunner@acme.example.com, Lunch: beep@acme.example.com, meep+x@acme.example.com;
Cc: (the boss) Boss <BOSS@Example.ORG>
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= from the
\tdesert [ticket #42]
X-Priority: 10
X-Empty:
List-Post: <mailto:x@example.org>
Message-ID: <1@desert.example.org>

Look, I'm sorry about the anvil.
"""
PARTS = """From: coyote@desert.example.org
To: roadrunner@acme.example.com
Subject: parts
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

prologue
--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe missile
--x
Content-Type: text/html

<b>coordinates</b>
--x
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

c2VjcmV0IGFudmls
--x--
"""

TESTS = r'''
address :is "from" "coyote@desert.example.org"
address :domain "to" "acme.example.com"
address :localpart "to" "beep"
address :user "to" "meep"
address :detail "to" "X"
address :detail :contains "from" ""
address :comparator "i;octet" "cc" "BOSS@example.org"
address :matches "cc" "*@example.???"
address :count "eq" :comparator "i;ascii-numeric" "to" "3"
address :contains "from" "Wile"
header :is "subject" "Grüße from the desert [ticket #42]"
header :matches "subject" "*[ticket #*]"
header :matches "subject" "?r??e*"
header :contains "subject" "TICKET"
header :contains :comparator "i;octet" "subject" "TICKET"
header :contains "x-empty" ""
header :is "x-empty" ""
header :contains "x-none" ""
header :value "lt" :comparator "i;ascii-numeric" "x-priority" "9"
header :value "lt" "x-priority" "9"
header :count "ge" :comparator "i;ascii-numeric" "received" "2"
header :index 2 :contains "received" "from c"
header :index 1 :last :contains "received" "from c"
header :matches "x-priority" "1\\*"
exists ["from", "to", "x-empty"]
exists ["from", "bcc"]
size :over 1
size :under 100
size :over 1K
not allof (true, false)
anyof (false, not false)
envelope :is "from" "coyote@desert.example.org"
envelope :detail "to" "fast"
envelope :localpart "to" "roadrunner+fast"
date :originalzone "date" "hour" "11"
date :zone "-0330" "date" "time" "06:00:00"
date :originalzone "received" "date" "2026-04-02"
date :zone "+0000" "date" "julian" "61131"
date :zone "+0000" "date" "weekday" "3"
date :originalzone "date" "iso8601" "2026-04-01T11:30:00+02:00"
date :originalzone "date" "std11" "Wed, 01 Apr 2026 11:30:00 +0200"
date :originalzone "date" "zone" "+0200"
date :contains "x-none" "year" ""
body :contains "anvil"
body :raw :contains "=FC=DF"
body :content "text" :contains "coordinates"
body :content "application" :contains "SECRET"
body :content "text/plain" :contains "coordinates"
body :content "multipart" :contains "prologue"
header :contains "subject" "${hex: 67 72}"
header :contains "subject" "${unicode:00fc}"
string :is "${1}" ""
string :count "eq" :comparator "i;ascii-numeric" ["a", ""] "1"
hasflag "\\Seen"
'''

SCRIPTS = r'''
keep;
discard;
stop; discard;
fileinto "Lists"; fileinto "Lists"; keep;
fileinto :copy "Lists";
fileinto :copy "Lists"; discard;
fileinto :create "Archive/2026";
fileinto "INBOX";
redirect "a@x.test";
redirect :copy "a@x.test"; redirect :copy "a@x.test";
redirect "a@x.test"; keep;
reject "I take nothing.";
if header :matches "subject" "*[*] *" { discard; } elsif header :matches "subject" "*[* #*]*" { redirect "${2}${3}@x.test"; }
if header :matches "subject" "*[ticket #*]" { fileinto "Spam"; redirect "t${2}@x.test"; }
set "a" "Li"; set :upperfirst :lower "b" "STS"; fileinto "${a}sts";
set :length "n" "Grüße"; redirect "n${n}@x.test";
set :quotewildcard "q" "*"; if string :matches "x" "${q}" { discard; }
if address :matches "from" "*@*.example.org" { redirect "${1}.${2}@x.test"; }
addflag "\\Flagged"; keep;
addflag "\\Flagged"; addflag ["\\Seen", "$work"]; removeflag "\\Flagged"; fileinto "Lists";
setflag "f" "\\Seen \\Answered"; keep :flags "${f}";
fileinto :flags "\\Deleted" "Lists"; keep;
addflag "a b"; if hasflag :contains ["B"] { discard; }
addheader "X-New" "value"; if header "x-new" "value" { discard; }
deleteheader "subject"; if exists "subject" { discard; }
deleteheader :index 2 "received"; if header :count "eq" :comparator "i;ascii-numeric" "received" "1" { discard; }
if mailboxexists "INBOX" { discard; }
if duplicate { discard; } else { redirect "d@x.test"; }
'''


def main():
    need("sieve-test")
    if SERVER["name"].startswith("Dovecot") or not PROGRAM.exists():
        skip("this compares target/debug/posthaste with Dovecot")
    with tempfile.TemporaryDirectory(prefix="posthaste-sieve-") as folder:
        compare(Path(folder))


def compare(folder):
    # sieve-test runs as nobody: as root it will not.
    folder.chmod(0o777)
    for name, text in {"plain.eml": PLAIN, "parts.eml": PARTS}.items():
        (folder / name).write_text(text)
    settings = folder / "dovecot.conf"
    settings.write_text(
        f"mail_uid = nobody\nmail_gid = nogroup\nmail_home = {folder}\nmail_location = maildir:{folder}/mail\n"
        "plugin {\n  sieve_extensions = +editheader\n}\n"
    )
    tests = [f"if {test} {{ discard; }}" for test in TESTS.strip().splitlines()]
    require = "require [" + ", ".join(f'"{extension}"' for extension in EXTENSIONS) + "];\n"
    different = []
    for number, line in enumerate(tests + SCRIPTS.strip().splitlines()):
        script = folder / f"{number}.sieve"
        script.write_text(require + line + "\n")
        for message in ["plain.eml", "parts.eml"]:
            theirs, ours = dovecot(settings, script, folder / message), posthaste(script, folder / message)
            if theirs != ours:
                different.append(f"{message}: {line}\n  Dovecot: {theirs}\n  Posthaste: {ours}")
    step(f"{len(tests) + len(SCRIPTS.strip().splitlines())} scripts")
    check("differences", "\n".join(different), "")


def posthaste(script, message):
    folders = [word for folder in FOLDERS for word in ("--mailbox", folder)]
    told = run(PROGRAM, "sieve", "try", script, message, "--from", FROM, "--to", TO, *folders)
    return sorted(line.lower() for line in told.splitlines())


def dovecot(settings, script, message):
    told = run("sieve-test", "-c", settings, "-f", FROM, "-a", TO, "-r", TO, script, message)
    actions, stored = [], None
    for line in told.splitlines():
        if found := re.match(r" \* store message in folder: (.*)", line):
            stored = found[1].strip()
            actions.append("keep" if stored == "INBOX" else f"fileinto {stored}")
        elif found := re.match(r"\s+\+ add IMAP flags: (.*)", line):
            actions[-1] += " " + found[1].strip()
        elif found := re.match(r" \* redirect message to: <(.*)>", line):
            actions.append(f"redirect {found[1]}")
        elif found := re.match(r" \* reject message with reason: (.*)", line):
            actions.append(f"reject {found[1]}")
        elif re.match(r" \* discard", line):
            actions.append("discard")
    # A discard beside other actions only takes the implicit keep away.
    others = [action.lower() for action in actions if action != "discard"]
    return sorted(others or ["discard"])


if __name__ == "__main__":
    main()
