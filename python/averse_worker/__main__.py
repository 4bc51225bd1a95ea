"""`python -m averse_worker --endpoint ipc://… --session ID --engine torch|trl|fake`.

Exit codes: 0 after `shutdown` · 2 wrong arguments · 3 the controller never answered or is gone ·
70 a bug in the control thread · 71 one of several processes is gone · 143 SIGTERM. Standard output
is not used: whatever a library prints there goes to standard error.

`--processes N` starts N of this program, which find their place in the environment; rank 0 is the
worker that the controller talks to (`platform/processes.py`).
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Final, NoReturn, get_args

import msgspec

from averse_worker.engine.registry import ENGINES, SEVERAL, build_engine, facts_of, follow
from averse_worker.platform.processes import Place, Strategy, run_processes, take_place
from averse_worker.wire.attached import read_slots, serve
from averse_worker.wire.connection import Connection, Ending, Timing
from averse_worker.wire.keys import read_keys
from averse_worker.wire.parent import Parent
from averse_worker.wire.server import Server, hello_of
from averse_worker.wire.stacks import STDERR, end_stacks, write_stacks_on_signal

EXIT_CODES: Final = {
    Ending.CLOSED: 0,
    Ending.NEVER_CONNECTED: 3,
    Ending.LOST: 3,
    Ending.ORPHANED: 3,
    Ending.TERMINATED: 128 + signal.SIGTERM,
}
EXIT_BUG: Final = 70
"""EX_SOFTWARE of sysexits.h."""


def read_arguments(argv: list[str]) -> argparse.Namespace:
    """Parses the command line; exits with code 2 where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="averse_worker", description="Runs the engine commands of one Averse controller."
    )
    parser.add_argument(
        "--attach",
        type=Path,
        help="file of `averse backends keys`, in place of --endpoint, --session and --keys: "
        "waits for controllers and serves one after the other",
    )
    parser.add_argument("--endpoint", help="ipc://PATH or tcp://HOST:PORT of the controller")
    parser.add_argument(
        "--hello",
        action="store_true",
        help="prints as JSON what a worker with these arguments says of itself, and ends",
    )
    parser.add_argument(
        "--keys", type=Path, help="key file, - for standard input; required for a tcp:// endpoint"
    )
    parser.add_argument("--session", help="session id; requests of other sessions are refused")
    parser.add_argument("--engine", choices=sorted(ENGINES), default="torch")
    parser.add_argument(
        "--processes",
        type=_processes,
        default=1,
        help="that compute together on this machine; torchrun and accelerate may start them "
        "instead [1]",
    )
    parser.add_argument(
        "--strategy",
        choices=get_args(Strategy),
        default="data-parallel",
        help="of several processes: each holds all models, or a part of policy, optimizer and "
        "reference, by FSDP2 or by DeepSpeed's ZeRO [data-parallel]",
    )
    for name, default, what in (
        ("heartbeat", Timing.heartbeat_ms, "between two ZMTP heartbeats"),
        (
            "heartbeat-timeout",
            Timing.heartbeat_timeout_ms,
            "without a heartbeat, then the controller counts as gone",
        ),
        ("connect-timeout", Timing.connect_timeout_ms, "until the first handshake"),
    ):
        parser.add_argument(
            f"--{name}-ms",
            type=_milliseconds,
            default=default,
            help=f"milliseconds {what} [{default}]",
        )
    arguments = parser.parse_args(argv)
    if arguments.hello:
        arguments.attach = None
    own = [arguments.endpoint, arguments.session]
    if arguments.attach is None and None in own and not arguments.hello:
        parser.error("--endpoint and --session are required, or --attach")
    if arguments.attach is not None and any((*own, arguments.keys)):
        parser.error("--attach stands in place of --endpoint, --session and --keys")
    if arguments.processes > 1 and arguments.engine not in SEVERAL:
        parser.error(
            f"--processes {arguments.processes}: the engine '{arguments.engine}' is one process; "
            "remove it, or use --engine torch"
        )
    if arguments.strategy != "data-parallel" and arguments.engine not in SEVERAL:
        parser.error(
            f"--strategy {arguments.strategy}: the engine '{arguments.engine}' is one process; "
            "remove it, or use --engine torch"
        )
    several = arguments.processes > 1 or os.environ.get("WORLD_SIZE", "1") != "1"
    if arguments.strategy != "data-parallel" and not several:
        parser.error(
            f"--strategy {arguments.strategy} divides the model among several processes, and there "
            "is one; add --processes 2, or remove it"
        )
    return arguments


def _processes(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"got '{text}', expected a number in [1, 1024]")
    return int(text)


def _milliseconds(text: str) -> int:
    # A day: libzmq keeps these in 32-bit milliseconds.
    if not text.isdigit() or not 1 <= int(text) <= 86_400_000:
        raise argparse.ArgumentTypeError(f"got '{text}', expected milliseconds in [1, 86400000]")
    return int(text)


def main(argv: list[str]) -> int:
    """Runs the worker; returns the exit code after an orderly shutdown, or exits at once."""
    parent = Parent()
    arguments = read_arguments(argv)
    if arguments.hello:
        return _print_hello(arguments)
    if arguments.attach is not None:
        return _wait_for_controllers(arguments.attach, argv)
    place = take_place(os.environ, strategy=arguments.strategy)
    if place is None and arguments.processes > 1:
        parent.follow_into_death()
        return run_processes(arguments.processes)
    if place is not None and place.rank > 0:
        return _follow(place, parent)
    timing = Timing(
        heartbeat_ms=arguments.heartbeat_ms,
        heartbeat_timeout_ms=arguments.heartbeat_timeout_ms,
        connect_timeout_ms=arguments.connect_timeout_ms,
    )
    write_stacks_on_signal()
    try:
        keys = read_keys(arguments.keys) if arguments.keys else None
        connection = Connection(arguments.endpoint, timing, keys)
    except ValueError as error:
        print(f"averse_worker: {error}", file=sys.stderr)
        return 2
    _send_standard_output_to_standard_error()
    _hand_signals_to(connection)
    parent.follow_into_death()
    server = Server(
        session=arguments.session,
        engine_name=arguments.engine,
        facts=facts_of(arguments.engine, place),
        build=lambda: build_engine(arguments.engine, place),
        send=connection.send,
    )
    server.greet()
    control = threading.Thread(
        target=_control, args=(connection, server, parent), name="control", daemon=True
    )
    control.start()
    server.work()
    connection.close()
    control.join()
    return EXIT_CODES[Ending.CLOSED]


def _print_hello(arguments: argparse.Namespace) -> int:
    place = Place(
        rank=0,
        count=arguments.processes,
        local=0,
        address="",
        port=0,
        listener=None,
        hosts=True,
        strategy=arguments.strategy,
    )
    facts = facts_of(arguments.engine, place if place.count > 1 else None)
    print(msgspec.json.encode(hello_of(arguments.engine, facts, "")).decode())
    return 0


def _wait_for_controllers(path: Path, argv: list[str]) -> int:
    try:
        slots = read_slots(path)
    except ValueError as error:
        print(f"averse_worker: {error}", file=sys.stderr)
        return 2
    at = next(at for at, word in enumerate(argv) if word.startswith("--attach"))
    return serve(slots, argv[:at] + argv[at + (1 if "=" in argv[at] else 2) :])


def _follow(place: Place, parent: Parent) -> int:
    """A process without a socket. SIGTERM ends it at once: it has nothing to tell."""
    write_stacks_on_signal()
    _send_standard_output_to_standard_error()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent.follow_into_death()
    follow(place)
    return EXIT_CODES[Ending.CLOSED]


def _control(connection: Connection, server: Server, parent: Parent) -> None:
    """Runs the connection; leaves at once when it ends in any way but an orderly one."""
    try:
        ending = connection.run(server.receive, parent.gone, _signalled)
    except BaseException:
        _leave(EXIT_BUG, f"bug in the control thread\n{traceback.format_exc()}")
    if ending is not Ending.CLOSED:
        _leave(EXIT_CODES[ending], ending.value)


def _signalled(number: int) -> None:
    if number == signal.SIGUSR1:
        end_stacks()
    elif number == signal.SIGUSR2:
        # Launchers on a cluster ask for it some time before their job's limit.
        with contextlib.suppress(OSError):
            os.write(STDERR, b"averse_worker: its job ends soon (SIGUSR2)\n")


def _leave(code: int, why: str) -> NoReturn:
    """Ends the process whatever the main thread is doing.

    Nothing is left half done by it: checkpoints count only once the controller has renamed
    their folder, and the kernel takes back memory, devices and sockets.
    """
    with contextlib.suppress(OSError):  # standard error may have gone with the controller
        print(f"averse_worker: exiting with code {code}: {why}", file=sys.stderr, flush=True)
    os._exit(code)


def _send_standard_output_to_standard_error() -> None:
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _hand_signals_to(connection: Connection) -> None:
    # Ctrl-C reaches the whole process group; the controller handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The handler does nothing, but with it Python writes the signal to the descriptor.
    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(connection.signal_fd, warn_on_full_buffer=False)


def run() -> NoReturn:
    """The program `averse-worker` of the installed package."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
