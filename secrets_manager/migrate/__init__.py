"""Turns what other operators' users have into definitions, settings and policy; hands their Secrets over."""
