"""Who may read what the worker writes."""

from pathlib import Path


def same_mode(folder: Path, plain: str) -> None:
    """Gives every file of `folder` the mode of the one named `plain`, which the umask chose.

    safetensors makes its files for the owner alone, whatever the umask.
    """
    mode = (folder / plain).stat().st_mode & 0o777
    for path in folder.iterdir():
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
