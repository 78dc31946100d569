"""Reads the settings: flags, environment and file are merged and checked."""
