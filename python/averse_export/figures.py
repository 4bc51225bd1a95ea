"""Figures as PDF and PNG, by Typst: text stays text, and fonts that are not here are replaced.

`python -m averse_export.figures`: standard input has `{"format": "pdf" | "png", "figures": [{"svg",
"file"}]}`; the files are written whole, one after the other. Standard output: `{"files": n}`.
"""

import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from averse_worker.platform.files import write_whole

PIXELS_PER_INCH: Final = 288.0
"""A figure of 920 points is 3,680 pixels wide: enough for a printed page."""


def main(request: dict[str, Any]) -> int:
    """How many were written."""
    import typst

    kind = request["format"]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.typ")
        page.write_text(
            '#set page(width: auto, height: auto, margin: 0pt)\n#image("figure.svg")\n',
            encoding="utf-8",
        )
        for figure in request["figures"]:
            Path(folder, "figure.svg").write_text(figure["svg"], encoding="utf-8")
            data = typst.compile(str(page), format=kind, ppi=PIXELS_PER_INCH)
            write_whole(Path(figure["file"]), data)
    return len(request["figures"])


if __name__ == "__main__":
    if importlib.util.find_spec("typst") is None:
        sys.exit(
            f"typst is not installed: `{sys.executable} -m pip install typst` installs it; "
            "--figures svg needs nothing"
        )
    json.dump({"files": main(json.load(sys.stdin))}, sys.stdout)
