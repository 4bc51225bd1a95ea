"""Works, but answers no `shutdown` and shrugs off SIGTERM and SIGINT."""

import signal

from peer import Peer

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
peer = Peer()
peer.hello()
for request in peer.requests():
    if request.command != "shutdown":
        peer.send(peer.answer(request))
