"""Clients of pyzmq at a listener: `intruders.py ENDPOINT KEYS`; says how each one fared."""

import json
import sys
from pathlib import Path

import zmq
from zmq.utils.monitor import recv_monitor_message

endpoint, keys_file = sys.argv[1:]
keys = json.loads(Path(keys_file).read_text())
other_public, other_secret = (key.decode() for key in zmq.curve_keypair())
server, public, secret = keys["server_public"], keys["client_public"], keys["client_secret"]

clients: dict[str, dict[str, str]] = {
    "no key": {},
    "PLAIN": {"plain_username": "admin", "plain_password": "admin"},
    "wrong server key": {
        "curve_serverkey": other_public,
        "curve_publickey": public,
        "curve_secretkey": secret,
    },
    "unknown client key": {
        "curve_serverkey": server,
        "curve_publickey": other_public,
        "curve_secretkey": other_secret,
    },
    "right keys": {
        "curve_serverkey": server,
        "curve_publickey": public,
        "curve_secretkey": secret,
    },
}
for name, options in clients.items():
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        for option, value in options.items():
            setattr(socket, option, value.encode())
        events = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        socket.connect(endpoint)
        socket.send(b"let me in")
        event = recv_monitor_message(events)["event"]
        welcome = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
        print(f"{name}: {'came in' if welcome else 'turned away'}")
        socket.close(linger=1000)
