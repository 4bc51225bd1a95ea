"""Stops itself (SIGSTOP) when `rollout` comes; heartbeats cease.

A stopped process cannot watch its parent: a helper process wakes and ends it.
"""

import os
import signal
import time

from peer import Peer

parent = os.getppid()
peer = Peer()
peer.hello()
for request in peer.requests():
    if request.command == "rollout":
        frozen = os.getpid()
        if os.fork() == 0:
            # Ends once the frozen process is gone (its child, it is then handed over) or its
            # parent is: the frozen one's parent cannot be asked for, so signal 0 asks for it.
            while os.getppid() == frozen:
                try:
                    os.kill(parent, 0)
                except ProcessLookupError:
                    os.kill(frozen, signal.SIGKILL)
                    break
                time.sleep(0.1)
            os._exit(0)
        os.kill(frozen, signal.SIGSTOP)
    peer.send(peer.answer(request))
    peer.leave_if_asked(request)
