"""A table as text, where a tracker has no tables of its own."""

from averse_tracker.contract import Table


def markdown(table: Table) -> str:
    """In markdown; figures with four digits."""

    def cell(value: object) -> str:
        if isinstance(value, float):
            return f"{value:.4g}"
        text = "" if value is None else str(value)
        return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")

    lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    return "\n".join("| " + " | ".join(cell(one) for one in line) + " |" for line in lines)
