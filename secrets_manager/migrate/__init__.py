"""Turns what users of other operators have into definitions, settings and policy, and takes Secrets over."""
