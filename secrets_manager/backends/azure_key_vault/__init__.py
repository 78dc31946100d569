"""Azure Key Vault: the only part of the program that imports azure.

Nothing is imported here, so that a process that uses another backend loads none of it.
"""

from __future__ import annotations
