"""Answers `rollout` with a message larger than the protocol allows."""

from peer import Peer

from averse_worker.wire.messages.envelope import MAX_MESSAGE_BYTES

peer = Peer()
peer.hello()
for request in peer.requests():
    if request.command == "rollout":
        peer.send_bytes(bytes(MAX_MESSAGE_BYTES + 1))
    else:
        peer.send(peer.answer(request))
    peer.leave_if_asked(request)
