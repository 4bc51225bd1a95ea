"""A worker whose engine is stuck: answers `ping`, and takes in all else without a word."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "misbehaving"))

from peer import Peer

peer = Peer()
peer.hello()
for request in peer.requests():
    if request.command == "ping":
        peer.send(peer.answer(request))
