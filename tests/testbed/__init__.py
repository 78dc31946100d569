"""Real servers for tests, demo and benchmark: started on loopback, on free ports, in seconds.

Knows nothing of `secrets_manager`: the program under test must not help to test itself.
"""

from __future__ import annotations
