"""A long run under random faults: real servers, a daemon behind two fault proxies, and values that change all
the time. Memory, threads, descriptors and series must stay the same, and every Secret must be right.

Run by `make soak` and, in a short form, by the tests.
"""
