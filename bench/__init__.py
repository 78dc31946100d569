"""Measures the daemon as a user runs it, on real servers: `make bench`.

What is counted is counted from outside: calls from the servers' own audit logs, CPU and memory from /proc.
"""
