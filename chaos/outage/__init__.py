"""A long outage of one server, measured: the daemon's calls to it meanwhile, and how soon all is fresh when
it is back.

Run by `python -m chaos.outage`. It uses the servers, the plans and the watch of the benchmark.
"""
