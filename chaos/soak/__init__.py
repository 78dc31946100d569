"""A long run under random faults: real servers, a daemon behind two fault proxies, and values that change all
the time. What matters is what stays the same: memory, threads, descriptors, series, and every Secret right.

Run by `make soak` and, in a short form, by the tests.
"""
