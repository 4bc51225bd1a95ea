"""Sends every reply twice."""

from peer import Peer

peer = Peer()
peer.hello()
for request in peer.requests():
    reply = peer.answer(request)
    peer.send(reply)
    peer.send(reply)
    peer.leave_if_asked(request)
