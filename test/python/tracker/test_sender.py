"""What is sent of a journal, once each, whatever happens in between."""

import json
import struct
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_folders import CONFIG, WHOLE, add_events, evaluated, finished, step, write_run

from averse_tracker.contract import Outcome, Point, Settings, TrialRun
from averse_tracker.cursor import BusyError, Cursor, read_cursor, sole_sender, write_cursor
from averse_tracker.points import PointReader
from averse_tracker.sender import Sender


class Kept:
    """A tracker that keeps what it gets, and can be told to fail at a point."""

    place = "here"

    def __init__(self) -> None:
        self.runs: list[TrialRun] = []
        self.points: list[tuple[str, int, Point]] = []
        self.ends: list[tuple[str, Outcome]] = []
        self.fails_at: int | None = None

    def begin(self, run: TrialRun, sent: int) -> None:
        self.runs.append(run)

    def log(self, trial: str, point: Point, nth: int) -> None:
        if len(self.points) == self.fails_at:
            raise ConnectionError("the server is gone")
        self.points.append((trial, nth, point))

    def flush(self) -> None:
        pass

    def end(self, trial: str, outcome: Outcome) -> None:
        self.ends.append((trial, outcome))

    def close(self) -> None:
        pass

    def kept(self) -> dict[str, Any]:
        return {"points": len(self.points)}


def sender(run: Path, tracker: Kept) -> Sender:
    file = run / "cursor.json"
    manifest = json.loads((run / "manifest.json").read_text())
    settings = Settings("wandb", tags=("a",))
    return Sender(run, manifest, settings, tracker, read_cursor(file), file, "key", nullcontext)


def positions(tracker: Kept, name: str, trial: str = "ra-rlhf-s0") -> list[int]:
    return [point.at for one, _, point in tracker.points if one == trial and name in point.scalars]


def test_a_whole_run_is_sent_by_trials_with_names_that_follow_from_the_journal(
    tmp_path: Path,
) -> None:
    tracker = Kept()
    sending = sender(write_run(tmp_path / "tails-1234", WHOLE), tracker)
    assert sending.send_new()
    assert not sending.send_new()
    assert [(one.trial, one.arm, one.group, one.title) for one in tracker.runs] == [
        ("ra-rlhf-s0", "ra-rlhf", "tails-1234", "tails-1234-ra-rlhf-s0"),
        ("rlhf-s0", "rlhf", "tails-1234", "tails-1234-rlhf-s0"),
    ]
    assert [one.config["risk"] for one in tracker.runs] == [{"alpha": 0.2}, {"alpha": 1.0}]
    assert tracker.ends == [("ra-rlhf-s0", "done"), ("rlhf-s0", "done")]
    assert positions(tracker, "sft/loss") == [5, 10]
    assert positions(tracker, "sft/held_out") == [5]
    assert positions(tracker, "train/seconds/total") == [1, 2, 3, 4]
    assert positions(tracker, "test/tail_reward") == [4]
    assert positions(tracker, "final/tail_reward") == [4]
    assert [nth for trial, nth, _ in tracker.points if trial == "rlhf-s0"] == list(range(6))
    train = next(point for _, _, point in tracker.points if "train/reward_mean" in point.scalars)
    assert set(train.scalars) == {"train/reward_mean", "train/seconds/total"}
    np.testing.assert_array_equal(train.histograms["train/returns"], [0.4, -3.5])


def test_tables_of_the_tail_come_with_evaluations_and_have_no_texts(tmp_path: Path) -> None:
    tracker = Kept()
    sender(write_run(tmp_path / "tails", WHOLE), tracker).send_new()
    own = [point for trial, _, point in tracker.points if trial == "ra-rlhf-s0"]
    tables = [(point.at, name, table) for point in own for name, table in point.tables.items()]
    assert [(at, name) for at, name, _ in tables] == [
        (2, "train/tail"),
        (4, "train/tail"),
        (4, "test/tail"),
    ]
    assert tables[0][2].columns == ("episode", "prompt_id", "return", "reward", "kl", "tokens")
    assert tables[0][2].rows == [[2, 9, -3.5, -3.0, 0.3, 6], [0, 7, 0.4, 0.5, 0.1, 4]]
    assert tables[2][2].rows[0] == [2, -1.0, -4.0, None, 0.5, 4]


def test_texts_are_sent_on_request_alone(tmp_path: Path) -> None:
    texts = tmp_path / "trials/ra-rlhf-s0/texts/step-000001.jsonl"
    texts.parent.mkdir(parents=True)
    texts.write_text(json.dumps({"episode": 2, "prompt": "why", "completion": "so"}) + "\n")
    event = {"time": "2026-11-30T10:00:00.000Z", **step(2)}
    (sent,) = PointReader(tmp_path, CONFIG, show_text=True).points(event)
    table = sent.point.tables["train/tail"]
    assert table.columns[-2:] == ("prompt", "completion")
    assert [row[-2:] for row in table.rows] == [["why", "so"], [None, None]]


def test_arrays_of_a_large_batch_are_read_from_their_file(tmp_path: Path) -> None:
    words = struct.pack("<3I", 0x50455641, 2, 2) + struct.pack("<I", 4) + b"[]  "
    arrays = (
        np.array([[1, 2]], "<u4").tobytes()
        + np.array([[0.5, np.nan], [0, 0], [-1.5, np.nan]], "<f4").tobytes()
    )
    (tmp_path / "e.bin").write_bytes(words + arrays + np.array([[3, 4]], "<u4").tobytes())
    event = {"time": "2026-11-30T10:00:00.000Z", **step(1)}
    event["episodes"] = {"file": "e.bin", "sha256": "", "count": 2}
    (sent,) = PointReader(tmp_path, CONFIG, show_text=False).points(event)
    np.testing.assert_array_equal(sent.point.histograms["train/returns"], [-1.5])


def test_a_next_process_goes_on_where_the_last_one_failed(tmp_path: Path) -> None:
    run = write_run(tmp_path / "tails", [step(1), step(2), step(3)])
    tracker = Kept()
    sender(run, tracker).send_new()
    add_events(run, [step(4), evaluated(4, final=True), finished()])
    tracker.fails_at = 4
    with pytest.raises(ConnectionError):
        sender(run, tracker).send_new()
    tracker.fails_at = None
    # The cursor is written with each batch: the one point that was sent since is numbered the same.
    sender(run, tracker).send_new()
    assert positions(tracker, "train/reward_mean") == [1, 2, 3, 4, 4]
    numbers = [nth for _, nth, point in tracker.points if "train/reward_mean" in point.scalars]
    assert numbers == [0, 1, 2, 3, 3]
    assert {one.key for one in tracker.runs} == {tracker.runs[0].key}


def test_an_iteration_that_is_done_again_after_a_resume_is_not_sent_again(tmp_path: Path) -> None:
    run = write_run(tmp_path / "tails", [step(1), step(2), step(3)])
    add_events(run, [{"trial": None, "type": "run_resumed", "from": {"ra-rlhf-s0": 1}}])
    add_events(run, [step(2), step(3), step(4)])
    tracker = Kept()
    sender(run, tracker).send_new()
    assert positions(tracker, "train/reward_mean") == [1, 2, 3, 4]


def test_a_line_that_is_being_written_waits_for_its_end(tmp_path: Path) -> None:
    run = write_run(tmp_path / "tails", [step(1)])
    journal = run / "journal.jsonl"
    whole = journal.read_text()
    add_events(run, [step(2)])
    line = journal.read_text().removeprefix(whole)
    journal.write_text(whole + line[:40])
    tracker = Kept()
    sending = sender(run, tracker)
    sending.send_new()
    assert positions(tracker, "train/reward_mean") == [1]
    journal.write_text(whole + line)
    sending.send_new()
    assert positions(tracker, "train/reward_mean") == [1, 2]


def test_a_line_that_is_no_event_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "tails", [step(1)])
    with (run / "journal.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(ValueError, match=r"the line at byte \d+ is not an event"):
        sender(run, Kept()).send_new()


def test_a_cursor_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "cursor.json"
    write_cursor(file, Cursor(offset=12, seq=3))
    assert read_cursor(file).offset == 12
    file.write_text('{"format": 1, "offset"')
    with pytest.raises(ValueError, match="--again"):
        read_cursor(file)


def test_only_one_process_sends(tmp_path: Path) -> None:
    with (
        sole_sender(tmp_path / "lock"),
        pytest.raises(BusyError, match=r"process \d+"),
        sole_sender(tmp_path / "lock"),
    ):
        pass
    with sole_sender(tmp_path / "lock"):
        pass
