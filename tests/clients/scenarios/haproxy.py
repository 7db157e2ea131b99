"""HAProxy in front, by both versions of the PROXY protocol: the server sees who connected to it."""

import os
import smtplib
import socket
import subprocess
from contextlib import contextmanager

from imapclient import IMAPClient

from fixture import ARTIFACTS, BOB, HOST, PORTS, WAIT_SECONDS, check, eventually, message, need, run, step, tls
from restart import restarted

CLIENT = "127.0.0.2"
"""Where clients connect from: on loopback, and not where HAProxy connects from."""
SERVICES = {"smtp": "send-proxy", "submissions": "send-proxy-v2", "imaps": "send-proxy-v2"}


def main():
    need("haproxy")
    os.environ["POSTHASTE_PROXY__TRUSTED"] = '["127.0.0.1"]'
    # What users send must tell, too, where it came from.
    os.environ["POSTHASTE_SMTP__HIDE_CLIENT"] = "false"
    with restarted(), haproxy() as fronts:
        step("SMTP by version 1")
        with smtplib.SMTP(HOST, fronts["smtp"], timeout=WAIT_SECONDS, source_address=(CLIENT, 0)) as smtp:
            smtp.starttls(context=tls())
            smtp.send_message(message("version 1"), "carol@elsewhere.test", [BOB["address"]])

        step("submission over implicit TLS by version 2")
        with smtplib.SMTP_SSL(
            HOST, fronts["submissions"], timeout=WAIT_SECONDS, source_address=(CLIENT, 0), context=tls()
        ) as smtp:
            smtp.login(BOB["address"], BOB["password"])
            smtp.send_message(message("version 2", sender=BOB["address"]), BOB["address"], [BOB["address"]])

        step("IMAP over implicit TLS by version 2")
        client = IMAPClient(HOST, fronts["imaps"], ssl_context=tls(), timeout=WAIT_SECONDS)
        client.login(BOB["address"], BOB["password"])
        client.select_folder("INBOX")
        uids = client.search()
        check("messages", len(uids), 2)
        for data in client.fetch(uids, ["BODY.PEEK[HEADER.FIELDS (RECEIVED)]"]).values():
            (received,) = (value for key, value in data.items() if key.startswith(b"BODY["))
            assert f"([{CLIENT}])".encode() in received, received
        client.logout()

        step("without HAProxy there is no connection from a proxy's address")
        with socket.create_connection((HOST, PORTS["smtp"]), timeout=WAIT_SECONDS) as direct:
            direct.sendall(b"EHLO x.yz\r\n")
            check("answer", direct.recv(100), b"")
    log = (ARTIFACTS / "server.log").read_text(errors="replace")
    assert "wrong PROXY header" in log and "no PROXY header" in log, log


@contextmanager
def haproxy():
    """Runs HAProxy for the block; the port in front of each service."""
    fronts = dict(zip(SERVICES, free_ports(len(SERVICES))))
    settings = ARTIFACTS / "haproxy.cfg"
    settings.write_text(
        f"defaults\n  mode tcp\n  timeout connect {WAIT_SECONDS}s\n  timeout client 60s\n  timeout server 60s\n"
        + "".join(
            f"listen {service}\n  bind 127.0.0.1:{fronts[service]}\n"
            f"  server posthaste 127.0.0.1:{PORTS[service]} {how}\n"
            for service, how in SERVICES.items()
        )
    )
    run("haproxy", "-c", "-f", settings)
    with open(ARTIFACTS / "haproxy.log", "wb") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually("HAProxy", lambda: process.poll() is None and all(map(answers, fronts.values())))
        yield fronts
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def answers(port):
    try:
        socket.create_connection((HOST, port), timeout=1).close()
        return True
    except OSError:
        return False


main()
