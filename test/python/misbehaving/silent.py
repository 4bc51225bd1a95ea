"""Never connects."""

import signal

from peer import leave_with_parent

leave_with_parent()
while True:
    signal.pause()
