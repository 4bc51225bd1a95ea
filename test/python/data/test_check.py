"""The check of an experiment's data: one JSON object in, one out, and no torch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from payloads import data_source

ONE = {"column": None, "values": [1], "not_values": None, "below": None, "above": None}


def query(source: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    policy = {"model": "builtin", "revision": None}
    return {"source": source, "policy": policy, "prompt_tokens": 8, "samples": 1} | changes


def ask(asked: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own, in which importing torch fails."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from averse_worker.data.check import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(asked), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_rows(path: Path, count: int = 40) -> Path:
    rows = "".join(f"the film number {i} was fine,{i % 4},{i}\n" for i in range(count))
    path.write_text("text,label,number\n" + rows)
    return path


def test_the_facts_of_a_file(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.csv")
    facts = ask(query(data_source(str(path), good=ONE)))
    assert facts["problems"] == []
    rows = facts["rows"]
    assert rows["train"]["kept"] + rows["test"]["kept"] == 40
    assert rows["train"]["good"] + rows["test"]["good"] == 10
    assert facts["columns"] == ["label", "number"]
    labels = facts["labels"]
    for name in "0123":
        assert labels["train"][name] + labels["test"].get(name, 0) == 10
    tokens = facts["tokens"]["train"]
    assert tokens["measured"] == rows["train"]["kept"]
    assert 1 <= tokens["min"] <= tokens["median"] <= tokens["p95"] <= tokens["max"]
    over = [split for split in ("train", "test") if facts["tokens"][split]["min"] > 8]
    assert all(rows[split]["truncated"] == rows[split]["kept"] for split in over)
    [sample] = facts["samples"]["train"]
    assert sample["place"].startswith(f"{path}:")
    assert sample["prompt"].startswith("the film number")


def test_a_wrong_row_is_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nfine,good\n,bad\n")
    [problem] = ask(query(data_source(str(path))))["problems"]
    assert problem["key"] == "data.path"
    assert problem["environment"] is False
    assert f'{path}:3: "text" is' in problem["message"]


def test_what_a_stage_learns_from_is_read_as_the_stage_reads_it(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    rows = ({"chosen": f"yes {i}", "rejected": "no"} for i in range(4))
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stage = {"name": "taste", "source": data_source(str(pairs))}
    right = ask(query(data_source()) | {"stages": [stage | {"kind": "reward_model"}]})
    assert right["problems"] == []
    wrong = ask(query(None) | {"stages": [stage | {"kind": "classifier"}]})
    [problem] = wrong["problems"]
    assert problem["key"].startswith("stages.taste.data")
    assert "pairs.jsonl:1" in problem["message"]
    assert wrong["rows"] is None


def test_a_policy_without_a_tokenizer_is_a_note(tmp_path: Path) -> None:
    source = data_source(str(write_rows(tmp_path / "rows.csv")), good=ONE)
    facts = ask(query(source, policy={"model": str(tmp_path), "revision": None}))
    assert facts["tokens"] is None
    assert "lengths are not counted" in facts["notes"][0]
    assert facts["problems"] == []
    assert ask(query(source, policy=None))["tokens"] is None


def test_prompts_that_are_refused_or_dropped_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    texts = ["short", "a much longer text than the others are", "brief", "tiny"] * 5
    path.write_text("".join(json.dumps({"prompt": f"{t} {i}"}) + "\n" for i, t in enumerate(texts)))
    refused = ask(query(data_source(str(path), truncate="refuse")))
    [problem] = refused["problems"]
    assert problem["key"] == "data.truncate"
    assert "over rollout.prompt_tokens (8)" in problem["message"]
    # What it takes to mend it: the lengths of both splits.
    assert max(lengths["max"] for lengths in refused["tokens"].values()) > 8
    assert sorted(refused["tokens"]) == ["test", "train"]
    rows = ask(query(data_source(str(path), truncate="drop")))["rows"]
    assert rows["train"]["dropped"] + rows["test"]["dropped"] == 5
    assert rows["train"]["kept"] + rows["test"]["kept"] == 15


TURNS = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}"
    "{% for call in m.tool_calls %}{{ call.function | tojson }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
CALL = {"name": "rain", "arguments": {"city": "Bergen"}}


def write_calls(path: Path) -> Path:
    answer = {"role": "assistant", "tool_calls": [{"function": CALL}]}
    asked = [{"role": "user", "content": f"Is it raining, {i}?"} for i in range(2)]
    rows = ({"messages": [one, answer]} for one in asked)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_samples_of_conversations_are_what_is_learned(tmp_path: Path) -> None:
    file = write_calls(tmp_path / "rows.jsonl")
    template = tmp_path / "chat.jinja"
    template.write_text(TURNS)
    asked = query(data_source(str(file), template=str(template)), prompt_tokens=200)
    facts = ask(asked)
    assert facts["problems"] == []
    for split in ("train", "test"):
        [sample] = facts["samples"][split]
        assert sample["prompt"].startswith("[user]Is it raining")
        assert sample["prompt"].endswith("?[assistant]")
        assert sample["completion"] == json.dumps(CALL)
    # Without a tokenizer no template writes them: what the row has.
    [sample] = ask(asked | {"policy": None})["samples"]["train"]
    assert sample["prompt"].startswith("Is it raining")
    assert json.loads(sample["completion"]) == [{"function": CALL}]


def test_a_template_that_leaves_calls_out_is_a_problem_before_a_run(tmp_path: Path) -> None:
    file = write_calls(tmp_path / "rows.jsonl")
    template = tmp_path / "chat.jinja"
    template.write_text(TURNS.replace("{{ call.function | tojson }}", ""))
    source = data_source(str(file), template=str(template))
    [problem] = ask(query(source, prompt_tokens=200, samples=0))["problems"]
    assert problem["key"] == "data.template"
    assert "has tool calls, but the chat template" in problem["message"]
