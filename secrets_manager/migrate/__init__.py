"""Turns what other operators' users have into definitions, settings and policy, and hands their Secrets over."""
