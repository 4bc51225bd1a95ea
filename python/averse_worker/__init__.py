"""The worker of Averse: all code with tensors, behind one socket; `src/protocol/README.md`."""

__version__ = "0.1.0"
