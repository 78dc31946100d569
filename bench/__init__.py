"""Measures the daemon as a user runs it, on real servers: `make bench`.

Everything is counted from outside: calls in the servers' own audit logs, CPU and memory in /proc.
"""
