"""What backends have in common and none of them owns: time budgets, logins one at a time, proxies.

It knows the contract of backends and no backend.
"""
