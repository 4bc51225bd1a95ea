"""Before each reply sends what a worker of an old session would: the same reply, other figures."""

import msgspec
from peer import Peer

from averse_worker.wire.messages.envelope import PingResult, Reply

peer = Peer()
peer.hello()
for request in peer.requests():
    reply = peer.answer(request)
    peer.send(msgspec.structs.replace(reply, session="an-old-session"))
    if request.command == "ping":
        late = PingResult(busy="an old one", phase=None, memory_bytes=1)
        peer.send(Reply(session="an-old-session", id=request.id, result=late))
    peer.send(reply)
    peer.leave_if_asked(request)
