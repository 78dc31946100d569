"""A double of the parts of Azure that the daemon speaks to: Key Vault, Entra ID and a machine's IMDS.

No package brings these servers, so they are written here from the published wire formats, which each module
names, and are only ever driven through the real SDK.
"""

from __future__ import annotations
