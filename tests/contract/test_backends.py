"""The contract of `secrets_manager.backends.base`, held against the backends of this package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secrets_manager.testing import BackendBench, BackendContract, VersionedContract
from tests.contract.backend_azure import AzureBench
from tests.contract.backend_memory import MemoryBench
from tests.contract.backend_openbao import OpenBaoBench
from tests.testbed.azure.cloud import AzureDouble
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.openbao import OpenBao


class TestMemory(VersionedContract):
    @pytest.fixture
    def bench(self) -> BackendBench:
        return MemoryBench()


class TestOpenBaoKv2(VersionedContract):
    @pytest.fixture
    def bench(self, openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str) -> Iterator[BackendBench]:
        made = OpenBaoBench(openbao, openbao_proxy, kv_prefix, "kv2")
        yield made
        made.backend.close()


class TestOpenBaoKv1(BackendContract):
    @pytest.fixture
    def bench(self, openbao: OpenBao, openbao_proxy: FaultProxy, kv_prefix: str) -> Iterator[BackendBench]:
        made = OpenBaoBench(openbao, openbao_proxy, kv_prefix, "kv1")
        yield made
        made.backend.close()


class TestAzureKeyVault(BackendContract):
    @pytest.fixture
    def bench(self, azure: AzureDouble) -> Iterator[BackendBench]:
        made = AzureBench(azure)
        yield made
        made.backend.close()
