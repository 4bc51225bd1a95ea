"""The worker of Averse: all that has tensors, behind one socket; `src/protocol/README.md`."""

__version__ = "0.1.0"
