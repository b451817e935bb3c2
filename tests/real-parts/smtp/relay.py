"""A relay: aiosmtpd, with one file a message, and with the faults that a file of orders names.

    relay.py PORT FOLDER MODE CHAIN KEY USER PASSWORD

MODE is `starttls` (wanted before anything else), `implicit` or `clear`. USER may be empty: then nobody signs in.
FOLDER/orders holds one order a line, read anew for each command:

    reject WORD     550 to every recipient that contains WORD, and the reply repeats it
    busy WORD       451 to every recipient that contains WORD
    spam            554 to every message, and the reply repeats its whole body
    hang            no reply to DATA
    drop            the connection is closed after DATA
    late SECONDS    the reply to DATA takes that long
"""

import asyncio
import itertools
import os
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

PORT, FOLDER, MODE, CHAIN, KEY, USER, PASSWORD = sys.argv[1:8]
# Goes on where the last run ended: its mail is kept.
NUMBERS = itertools.count(1 + len(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else 1)


def orders():
    try:
        with open(os.path.join(FOLDER, "orders"), encoding="ascii") as file:
            return [line.split() for line in file if line.strip()]
    except FileNotFoundError:
        return []


def arguments(name):
    return [order[1] if len(order) > 1 else "" for order in orders() if order[0] == name]


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if any(word in address for word in arguments("reject")):
            return f"550 5.1.1 <{address}> is nobody here"
        if any(word in address for word in arguments("busy")):
            return f"451 4.3.0 <{address}> later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        number = next(NUMBERS)
        with open(os.path.join(FOLDER, "attempts"), "a", encoding="ascii") as file:
            file.write(f"{number} {' '.join(envelope.rcpt_tos)}\n")
        if arguments("spam"):
            body = envelope.content.decode("utf-8", "replace").replace("\r\n", " ")
            return f"554 5.7.1 looks like spam: {body}"[:500]
        if arguments("hang"):
            await asyncio.sleep(3600)
        if arguments("drop"):
            server.transport.abort()
            return "250 OK"
        for seconds in arguments("late"):
            await asyncio.sleep(float(seconds))
        path = os.path.join(FOLDER, f"{number:05d}.eml")
        with open(path + ".tmp", "wb") as file:
            file.write(envelope.content)
        os.rename(path + ".tmp", path)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    # Not handled: the library is to say so to the client.
    return AuthResult(success=is_right, handled=False)


def context():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CHAIN, KEY)
    return tls


class Relay(Controller):
    def factory(self):
        sign_in = {"authenticator": authenticate, "auth_required": True} if USER else {}
        # Under implicit TLS the library does not know that the connection is protected.
        sign_in |= {"auth_require_tls": False} if MODE == "implicit" else {}
        starttls = {"tls_context": context(), "require_starttls": True} if MODE == "starttls" else {}
        return SMTP(self.handler, hostname="relay.test", **sign_in, **starttls)


os.makedirs(FOLDER, exist_ok=True)
relay = Relay(Handler(), hostname="127.0.0.1", port=int(PORT), ssl_context=context() if MODE == "implicit" else None)
relay.start()
print("ready", flush=True)
signal.sigwait([signal.SIGTERM, signal.SIGINT])
relay.stop()
