"""AWS as moto plays it: a server on loopback with Secrets Manager, IAM and STS, and the SDK as a hand in it.

AWS itself cannot run here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
import urllib3
from botocore.config import Config

from tests.testbed.processes import ServerProcess, free_port

REGION = "eu-west-1"
# Nobody's: every server of the test bed takes any.
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

_SERVER = Path(__file__).with_name("moto_server.py")


class Moto:
    """A running server. It takes every call for allowed until `require_rights`."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._server = ServerProcess(
            "moto",
            [sys.executable, str(_SERVER), str(port)],
            log=folder / "moto.log",
        )
        self._http = urllib3.PoolManager(retries=False)
        self._server.start(self._answers)
        # A client takes a while to make.
        self.secrets = self.client("secretsmanager")

    def stop(self) -> None:
        """End it."""
        self._http.clear()
        self._server.stop()

    def reset(self) -> None:
        """Forget everything that is stored, and ask for no rights."""
        self._free_calls("inf")
        self._http.request("POST", f"{self.url}/moto-api/reset")

    def require_rights(self) -> None:
        """Check the signature and the rights of each call from now on."""
        self._free_calls("0")

    def user(self, name: str, *actions: str) -> tuple[str, str]:
        """Make a user who may do these actions with everything; returns an access key and its secret."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def client(self, service: str, region: str = REGION) -> Any:
        """The SDK's own client."""
        return botocore.session.Session().create_client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def _free_calls(self, count: str) -> None:
        self._http.request("POST", f"{self.url}/moto-api/reset-auth", body=count)

    def _answers(self) -> bool:
        try:
            return bool(self._http.request("GET", f"{self.url}/moto-api/data.json", timeout=1.0).status)
        except urllib3.exceptions.HTTPError:
            return False


class Vaulted:
    """The secrets of a region, by the hand of a person."""

    def __init__(self, moto: Moto, region: str = REGION) -> None:
        self.sdk = moto.secrets if region == REGION else moto.client("secretsmanager", region)

    def put(self, name: str, text: str) -> str:
        """Store a text, as a new secret or the current version of one; returns the version's id."""
        return str(self._put(name, {"SecretString": text}))

    def put_bytes(self, name: str, content: bytes) -> str:
        """The same for bytes."""
        return str(self._put(name, {"SecretBinary": content}))

    def stage(self, name: str, version: str, stage: str) -> None:
        """Put a stage on a version."""
        held = self.sdk.describe_secret(SecretId=name)["VersionIdsToStages"]
        before = next((each for each, stages in held.items() if stage in stages), None)
        more = {"RemoveFromVersionId": before} if before else {}
        self.sdk.update_secret_version_stage(
            SecretId=name, VersionStage=stage, MoveToVersionId=version, **more
        )

    def delete(self, name: str, *, at_once: bool = False) -> None:
        """Delete a secret: mark it, or remove it at once."""
        self.sdk.delete_secret(SecretId=name, **({"ForceDeleteWithoutRecovery": True} if at_once else {}))

    def restore(self, name: str) -> None:
        """Take back the mark."""
        self.sdk.restore_secret(SecretId=name)

    def arn(self, name: str) -> str:
        """The ARN of a secret."""
        return str(self.sdk.describe_secret(SecretId=name)["ARN"])

    def _put(self, name: str, content: Mapping[str, Any]) -> Any:
        try:
            return self.sdk.put_secret_value(SecretId=name, **content)["VersionId"]
        except self.sdk.exceptions.ResourceNotFoundException:
            return self.sdk.create_secret(Name=name, **content)["VersionId"]
