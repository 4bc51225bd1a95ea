"""Prints two lines to standard error and exits with code 7 before connecting."""

import sys

print("loading libraries", file=sys.stderr)
print("libsomething.so.1: cannot open shared object file", file=sys.stderr)
sys.exit(7)
