"""Takes three seconds before it says hello, then works."""

import time

from peer import Peer

time.sleep(3)
peer = Peer()
peer.hello()
for request in peer.requests():
    peer.send(peer.answer(request))
    peer.leave_if_asked(request)
