"""Says hello, then answers every request with random bytes."""

import random

from peer import Peer

peer = Peer()
peer.hello()
source = random.Random(1)
for request in peer.requests():
    peer.send_bytes(source.randbytes(64))
    peer.leave_if_asked(request)
