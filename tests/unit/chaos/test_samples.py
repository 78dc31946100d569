"""What /metrics and the kernel tell of a process."""

from __future__ import annotations

from chaos.soak.samples import parse, strays

PAGE = """\
# HELP secrets_manager_controller_last_sync_status 1 when in step
# TYPE secrets_manager_controller_last_sync_status gauge
secrets_manager_controller_last_sync_status{namespace="team",name="app"} 1.0
secrets_manager_vault_read_secret_errors_total{path="secret/data/team/old",key="k",error="UnknownError"} 2.0
workqueue_depth{name="SecretDefinition"} 3.0
python_info{version="3.11 \\"x\\", {y}"} 1.0
process_open_fds 17.0
"""


def test_a_line_of_metrics_has_a_name_labels_and_a_value() -> None:
    series = list(parse(PAGE))

    assert [each.metric.rpartition("_")[2] for each in series] == ["status", "total", "depth", "info", "fds"]
    assert series[0].labels == {"namespace": "team", "name": "app"}
    assert series[2].value == 3
    assert series[4].labels == {}


def test_a_series_is_about_a_secret_or_a_path_or_nothing() -> None:
    assert [each.about for each in parse(PAGE)] == ["app", "secret/data/team/old", "", "", ""]


def test_what_is_gone_and_still_has_series_is_a_stray_and_told_once() -> None:
    series = [*parse(PAGE), *parse(PAGE)]

    assert strays(series, {"app"}) == ["secret/data/team/old"]
    assert strays(series, {"app", "secret/data/team/old"}) == []
