"""The log: its lines, what is kept out of them, and how many are written."""
