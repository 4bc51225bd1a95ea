"""How fast the worker is, against itself, transformers and TRL; see `python -m averse_bench -h`."""
