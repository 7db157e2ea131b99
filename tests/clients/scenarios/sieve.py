"""sieve-connect: rules are checked, stored, activated and at work."""

from fixture import ALICE, ARTIFACTS, CERTIFICATE, HOST, PORTS, check, deliver, imap, message, need, run, step

SCRIPT = 'require ["fileinto", "imap4flags"];\nif header :contains "subject" "ticket" { fileinto :flags "\\\\Flagged" "Archive"; }\n'


def main():
    need("sieve-connect")
    step("checked, stored, activated")
    file = ARTIFACTS / "main.sieve"
    file.write_text(SCRIPT)
    connect("--checkscript", "--localsieve", file)
    connect("--upload", "--localsieve", file, "--remotesieve", "main")
    connect("--activate", "--remotesieve", "main")
    check("listed", '"main" ACTIVE' in connect("--list"), True)
    connect("--download", "--remotesieve", "main", "--localsieve", ARTIFACTS / "back.sieve")
    check("came back", (ARTIFACTS / "back.sieve").read_text().split(), SCRIPT.split())

    step("what is wrong is told")
    broken = ARTIFACTS / "broken.sieve"
    broken.write_text("keep;\nfoo;\n")
    told = run(*command("--upload", "--localsieve", broken, "--remotesieve", "broken"), status=1, input=ALICE["password"] + "\n")
    check("the line", "line 2" in told, True)

    step("at work")
    deliver(message("ticket 7", to=ALICE["address"]))
    client = imap(ALICE, "Archive")
    [uid] = client.search(["SUBJECT", "ticket 7"])
    check("flag", b"\\Flagged" in client.get_flags([uid])[uid], True)
    connect("--deactivate")
    connect("--delete", "--remotesieve", "main")


def command(*arguments):
    return [
        "sieve-connect", "--server", HOST, "--port", str(PORTS["managesieve"]), "--user", ALICE["address"], "--passwordfd", "0",
        "--tlscafile", CERTIFICATE, *map(str, arguments),
    ]


def connect(*arguments):
    return run(*command(*arguments), input=ALICE["password"] + "\n")


if __name__ == "__main__":
    main()
