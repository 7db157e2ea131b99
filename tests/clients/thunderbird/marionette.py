"""A client for Marionette, the remote control built into Thunderbird: frames of `length:json` over TCP."""

import json
import socket
from pathlib import Path

FUNCTIONS = (Path(__file__).parent / "remote.js").read_text()


class Marionette:
    """Runs the functions of remote.js with Thunderbird's own privileges. Each call waits for its answer."""

    def __init__(self, port, seconds):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.stream = self.socket.makefile("rb")
        self.number = 0
        self.receive()  # the greeting
        self.call("WebDriver:NewSession", {"capabilities": {}})
        self.call("WebDriver:SetTimeouts", {"script": seconds * 1000})
        self.call("Marionette:SetContext", {"value": "chrome"})

    def run(self, function, *arguments):
        """What a function of remote.js returns, awaited if it is a promise."""
        body = {"script": f"{FUNCTIONS}\nreturn {function}(...arguments);", "args": list(arguments)}
        return self.call("WebDriver:ExecuteScript", body)["value"]

    def quit(self):
        self.call("Marionette:Quit", {"flags": ["eForceQuit"]})

    def call(self, command, parameters):
        self.number += 1
        frame = json.dumps([0, self.number, command, parameters])
        self.socket.sendall(f"{len(frame)}:{frame}".encode())
        _, number, error, result = self.receive()
        assert number == self.number, f"answer {number} to call {self.number}"
        assert not error, f"{command}: {error}"
        return result

    def receive(self):
        length = b""
        while (octet := self.stream.read(1)) != b":":
            if not octet:
                raise ConnectionError("Thunderbird closed the connection")
            length += octet
        return json.loads(self.stream.read(int(length)))
