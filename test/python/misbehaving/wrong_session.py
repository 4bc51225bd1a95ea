"""Says hello for another session."""

from peer import Peer

peer = Peer()
peer.hello(session="some-other-session")
for request in peer.requests():
    peer.send(peer.answer(request))
    peer.leave_if_asked(request)
