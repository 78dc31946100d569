"""Panels in Grafana's form, by its own library for dashboards as code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from grafana_foundation_sdk.builders import common, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from kit.monitoring.dashboard.panel import Kind, Panel, Query

__all__ = ["SOURCE", "grafana_panel"]

Builder: TypeAlias = "timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel"

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHTS = {"number": 4, "name": 4}
_USUAL_HEIGHT = 7
_LETTERS = "ABCDEFGH"


def grafana_panel(panel: Panel, number: int) -> Builder:
    """The panel with this id; its place is found when it is added to the dashboard."""
    built = _MAKERS[panel.kind](panel)
    built.id(number).title(panel.title).description(panel.description).datasource(SOURCE).unit(panel.unit)
    built.height(_HEIGHTS.get(panel.kind, _USUAL_HEIGHT)).span(panel.width).thresholds(_thresholds(panel))
    for letter, query in zip(_LETTERS, panel.queries, strict=False):
        built.with_target(_target(query, letter, now=panel.kind in {"list", "name", "number"}, panel=panel))
    if panel.runbook:
        link = grafana.DashboardLink(f"Runbook of {panel.runbook}").target_blank(True)
        built.links([link.type(models.DashboardLinkType.LINK).url(f"${{runbooks}}/{panel.runbook}.md")])
    return built


def _target(query: Query, letter: str, *, now: bool, panel: Panel) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
    if panel.kind == "list":
        target.format(PromQueryFormat.TABLE)
    return target.instant() if now else target.range()


def _graph(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().fill_opacity(30 if panel.stacked else 0).line_width(1).min(0)
    made.show_points(options.VisibilityMode.NEVER)
    made.legend(
        common.VizLegendOptions()
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    made.tooltip(
        common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)
    )
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    if panel.red_from is not None:
        made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
        )
    return made


def _number(panel: Panel) -> stat.Panel:
    made = stat.Panel().graph_mode(options.BigValueGraphMode.NONE).reduce_options(_last())
    coloured = options.BigValueColorMode.NONE if panel.red_from is None else options.BigValueColorMode.VALUE
    return made.color_mode(coloured).text_mode(options.BigValueTextMode.VALUE)


def _name(_: Panel) -> stat.Panel:
    made = stat.Panel().graph_mode(options.BigValueGraphMode.NONE).reduce_options(_last())
    return made.color_mode(options.BigValueColorMode.NONE).text_mode(options.BigValueTextMode.NAME)


def _states(_: Panel) -> statetimeline.Panel:
    texts = {
        "0": models.ValueMappingResult(text="no", color="red", index=0),
        "1": models.ValueMappingResult(text="yes", color="green", index=1),
    }
    made = statetimeline.Panel().mappings([models.ValueMap(options=texts)]).row_height(0.8)
    made.show_value(options.VisibilityMode.NEVER).merge_values(True)
    return made.legend(
        common.VizLegendOptions()
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _list(_: Panel) -> table.Panel:
    never = models.ValueMap(options={"-1": models.ValueMappingResult(text="never", index=0)})
    hidden: dict[str, object] = {"Time": True, "__name__": True, "alertstate": True, "job": True}
    hide = models.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
    return table.Panel().mappings([never]).with_transformation(hide).filterable(True)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _thresholds(panel: Panel) -> grafana.ThresholdsConfig:
    steps: Sequence[models.Threshold] = [models.Threshold(value=None, color="green")]
    if panel.red_from is not None:
        steps = [*steps, models.Threshold(value=panel.red_from, color="red")]
    return grafana.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(list(steps))


_MAKERS: Mapping[Kind, Callable[[Panel], Builder]] = {
    "graph": _graph,
    "number": _number,
    "name": _name,
    "states": _states,
    "list": _list,
}
