"""Adds a field `surprise` to every reply."""

import msgspec
from peer import Peer

peer = Peer()
peer.hello()
for request in peer.requests():
    envelope = msgspec.msgpack.decode(msgspec.msgpack.encode(peer.answer(request)))
    peer.send_bytes(msgspec.msgpack.encode({**envelope, "surprise": 1}))
    peer.leave_if_asked(request)
