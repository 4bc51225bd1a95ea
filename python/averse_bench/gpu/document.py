"""`test/gpu/check --write RESULT` puts a result into docs/benchmarks.md, between two markers."""

import json
import sys
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- gpu-check -->"
END: Final = "<!-- /gpu-check -->"
_GIB: Final = 2**30
_OF_ANY_SIZE: Final = ("parity float32", "parity bfloat16", "resume")
"""sections whose figures mean something for tiny models too"""


def section(result: dict[str, Any]) -> str:
    """The Markdown text of a result of `check.py`."""
    on_gpu, sections = result["kind"] == "cuda", result["sections"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    size = "tiny models" if result["tiny"] else "full size"
    lines = [
        f"{result['date']}, `test/gpu/check` on {result['device']}, {size}, {versions}: "
        f"{result['seconds']:.0f} s.",
        "",
    ]
    if not on_gpu:
        lines += [
            "**No GPU has run it yet.** This shows that every section runs to its end on a CPU.",
            "",
        ]
    lines += ["| section | result |", "|---|---|"]
    lines += [
        f"| {name} | {_told(found, figures=not result['tiny'] or name in _OF_ANY_SIZE)} |"
        for name, found in sections.items()
    ]
    return "\n".join(lines)


def written(page: str, text: str) -> str:
    """The page with the text between the markers.

    Raises:
        ValueError: the page has not both markers once.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"expected {BEGIN} and {END} once each")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def _told(found: dict[str, Any], *, figures: bool) -> str:
    for word in ("error", "skipped"):
        if word in found:
            return f"{word}: {found[word]}"
    if not figures:
        return "ran to its end"
    if "seconds" in found and "utilisation" in found:
        return _iteration(found)
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in found.items())


def _iteration(found: dict[str, Any]) -> str:
    phases = ", ".join(f"{name} {spent:.3g} s" for name, spent in found["seconds"].items())
    use, peaks = found["utilisation"], found["peak_bytes"]
    parts = [
        f"{found['parameters'] / 1e6:,.0f} M parameters",
        f"{found['seconds_per_iteration']:.3g} s per iteration ({phases})",
        f"{found['sampled_tokens_per_second']:,} tokens/s sampled",
        f"{found['trained_tokens_per_second']:,} trained",
        f"{use['sample']:.1%} and {use['update']:.1%} of the rate of matrix products",
        "peak " + ", ".join(f"{name} {size / _GIB:.2f} GiB" for name, size in peaks.items()),
    ]
    if (minutes := found["minutes_for_all_iterations"]) is not None:
        parts.append(f"{found['setting']['iterations']} iterations: {minutes:.3g} min")
    return "; ".join(parts)


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main(argv: list[str]) -> int:
    """RESULT and the page; returns the exit code."""
    if len(argv) != 2:
        print("usage: test/gpu/check --write RESULT.json", file=sys.stderr)
        return 2
    result, page = Path(argv[0]), Path(argv[1])
    text = section(json.loads(result.read_text(encoding="utf-8")))
    page.write_text(written(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
