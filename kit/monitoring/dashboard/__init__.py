"""The dashboard for Grafana: its rows and variables, and the file that Grafana imports."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from kit.monitoring.dashboard.backends import BACKENDS, LOGINS
from kit.monitoring.dashboard.definitions import DEFINITIONS
from kit.monitoring.dashboard.drawing import SOURCE, grafana_panel
from kit.monitoring.dashboard.glance import GLANCE
from kit.monitoring.dashboard.panel import JOB, Panel
from kit.monitoring.dashboard.work import API_SERVER, FRESHNESS, LEADING, PROCESS
from kit.monitoring.rule import RUNBOOKS

__all__ = ["ROWS", "VARIABLES", "dashboard_json"]

ROWS: Mapping[str, tuple[Panel, ...]] = {
    "At a glance": GLANCE,
    "Definitions": DEFINITIONS,
    "Backends": BACKENDS,
    "Tokens, logins and dates": LOGINS,
    "Freshness": FRESHNESS,
    "Leading": LEADING,
    "API server": API_SERVER,
    "Process": PROCESS,
}
# The label whose values each variable offers, and the series that have it.
VARIABLES: Mapping[str, tuple[str, str]] = {
    "job": ("job", "secrets_manager_build_info"),
    "namespace": ("namespace", f"secrets_manager_controller_last_sync_status{{{JOB}}}"),
    "backend": ("backend", f"secrets_manager_backend_ready{{{JOB}}}"),
}


def dashboard_json(runbooks: str = RUNBOOKS) -> str:
    """config/grafana/secrets-manager.json."""
    made = grafana.Dashboard("secrets-manager").uid("secrets-manager").tags(["secrets-manager"])
    made.description("Secrets of Kubernetes that follow Vault, OpenBao, Azure Key Vault and others.")
    made.time("now-6h", "now").refresh("1m").tooltip(models.DashboardCursorSync.CROSSHAIR)
    made.with_variable(grafana.DatasourceVariable("datasource").type("prometheus").label("Data source"))
    for name, (label, series) in VARIABLES.items():
        made.with_variable(_variable(name, f"label_values({series}, {label})"))
    made.with_variable(grafana.ConstantVariable("runbooks").value(runbooks).label("Runbooks"))
    made.annotation(_firing())
    number = 0
    for title, panels in ROWS.items():
        number += 1
        made.with_row(grafana.Row(title).id(number))
        for panel in panels:
            number += 1
            made.with_panel(grafana_panel(panel, number))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _variable(name: str, query: str) -> grafana.QueryVariable:
    made = grafana.QueryVariable(name).label(name.capitalize()).query(query).datasource(SOURCE)
    made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    made.current(models.VariableOption(selected=True, text="All", value="$__all"))
    return made.multi(True).include_all(True).all_value(".*")


def _firing() -> grafana.AnnotationQuery:
    expr = 'ALERTS{alertname=~"SecretsManager.+", alertstate="firing"}'
    made = grafana.AnnotationQuery().name("Alerts").datasource(SOURCE).enable(False).icon_color("red")
    return made.expr(expr)
