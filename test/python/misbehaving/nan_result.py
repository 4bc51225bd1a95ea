"""Answers `update` with a NaN among its figures."""

import math

import msgspec
from peer import Peer

peer = Peer()
peer.hello()
for request in peer.requests():
    envelope = msgspec.msgpack.decode(msgspec.msgpack.encode(peer.answer(request)))
    if request.command == "update":
        envelope["result"]["figures"]["loss_policy"] = math.nan
    peer.send_bytes(msgspec.msgpack.encode(envelope))
    peer.leave_if_asked(request)
