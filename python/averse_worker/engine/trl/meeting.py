"""How a trainer's loop, on a thread of its own, takes commands and hands out answers."""

import queue
import threading
from collections.abc import Callable
from typing import Any


class Closed(BaseException):
    """The loop is to end: passes through everything that catches exceptions."""


class Meeting:
    """A thread that runs a loop, and where it meets the thread that commands it.

    One of the two works at any time: whoever asks waits for the answer, and the loop waits for the
    next command.
    """

    def __init__(self, loop: Callable[["Meeting"], None]) -> None:
        """Starts the thread; `loop` calls `next_command` and `answer` in turn."""
        self._commands: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # A daemon: a worker that leaves does not wait for it.
        self._thread = threading.Thread(
            target=self._run, args=(loop,), name="trl-loop", daemon=True
        )
        self._thread.start()

    # ── the thread that commands ────────────────────────────────────────────────────────────

    @property
    def alive(self) -> bool:
        """Whether the loop takes commands; one that an exception went through does not."""
        return self._thread.is_alive()

    def ask(self, command: object) -> Any:
        """The loop's answer to the command.

        Raises:
            BaseException: what it answered with, or ended with.
        """
        self._commands.put(command)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            if not isinstance(answer, Refusal):
                self._thread.join()
                raise answer
            raise answer.error
        return answer

    def close(self) -> None:
        """Ends the loop, which is waiting for a command."""
        self._commands.put(Closed())
        self._thread.join()

    # ── the loop's thread ───────────────────────────────────────────────────────────────────

    def next_command(self) -> Any:
        """Waits for the next command.

        Raises:
            Closed: there is none any more.
        """
        command = self._commands.get()
        if isinstance(command, Closed):
            raise command
        return command

    def answer(self, answer: object) -> None:
        """Answers the command in hand."""
        self._answers.put(answer)

    def refuse(self, error: BaseException) -> None:
        """Answers the command in hand with an error; the loop goes on."""
        self._answers.put(Refusal(error))

    def _run(self, loop: Callable[["Meeting"], None]) -> None:
        try:
            loop(self)
        except Closed:
            return
        except BaseException as error:
            self._answers.put(error)
        else:
            self._answers.put(RuntimeError("the trainer's loop ended of itself"))


class Refusal(BaseException):
    """An answer that is an error which leaves the loop as it was."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error
