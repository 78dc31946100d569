"""Doubles of what logins to Vault by clouds speak to: services that give tokens, and Vault's own side.

OpenBao has none of these auth methods. So a login is checked here as strictly as Vault and the cloud do it
together, and what it gets is a token of the real OpenBao, which everything after the login then uses.
"""

from __future__ import annotations
