"""AWS Secrets Manager as a backend of secrets-manager, installed beside the daemon.

botocore finds the credentials and signs the calls; they are sent by the daemon's own HTTP client, so that
deadlines, sizes, proxies and trust are what they are for every backend.
"""

from __future__ import annotations
