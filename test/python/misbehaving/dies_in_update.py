"""Prints a line to standard error and kills itself when `update` comes."""

import os
import signal
import sys

from peer import Peer

peer = Peer()
peer.hello()
for request in peer.requests():
    if request.command == "update":
        print("CUDA error: an illegal memory access was encountered", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    peer.send(peer.answer(request))
    peer.leave_if_asked(request)
