"""Says hello in the next protocol version."""

from peer import Peer

from averse_worker.wire.messages.envelope import PROTOCOL_VERSION

peer = Peer()
peer.hello(protocol=PROTOCOL_VERSION + 1)
for request in peer.requests():
    peer.send(peer.answer(request))
    peer.leave_if_asked(request)
