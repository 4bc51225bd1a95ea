"""What only a GPU can show: `test/gpu/check` runs it, and `document.py` writes it down."""
