"""Says hello, then reads nothing and answers nothing; libzmq's heartbeats go on."""

import time

from peer import Peer

peer = Peer()
peer.hello()
while True:
    time.sleep(3600)
