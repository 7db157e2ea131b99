"""A name server on loopback that knows what a scenario tells it."""

import socketserver
import threading
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@contextmanager
def name_server(texts):
    """Serves TXT records, `{name: octets}`, for the block; its port."""
    texts = {name.rstrip(".").lower(): octets for name, octets in texts.items()}

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            octets, socket = self.request
            query = dns.message.from_wire(octets)
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA | dns.flags.RA
            question = query.question[0]
            text = texts.get(question.name.to_text().rstrip(".").lower())
            if text is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            elif question.rdtype == dns.rdatatype.TXT:
                strings = " ".join(f'"{text[at:at + 255].decode()}"' for at in range(0, len(text), 255))
                reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", strings))
            socket.sendto(reply.to_wire(), self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
