"""When a worker takes itself for an orphan."""

import os
import subprocess
import sys

from averse_worker.wire.parent import CONTROLLER, Parent


def test_a_controller_that_lives_is_no_reason_to_leave() -> None:
    assert not Parent({CONTROLLER: str(os.getpid())}).gone()


def test_without_a_controller_on_this_machine_the_parent_alone_counts() -> None:
    assert not Parent({}).gone()
    assert not Parent({CONTROLLER: "elsewhere"}).gone()


def test_a_controller_that_was_gone_before_the_start_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as controller:
        controller.wait(60)
    assert Parent({CONTROLLER: str(controller.pid)}).gone()
