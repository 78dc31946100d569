"""The daemon's own engine for a command: it reads and decides as the daemon would, and writes nothing."""
