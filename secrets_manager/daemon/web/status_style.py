"""The one sheet of the status page, its colours by light and by dark, and what a browser knows it by."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

# Each colour of text is told from its ground by a contrast of 4.5 at least, by day and by night.
LIGHT: Mapping[str, str] = {
    "ground": "#ffffff",
    "panel": "#f3f5f7",
    "line": "#c9d1d9",
    "text": "#1b2329",
    "dim": "#53606b",
    "link": "#0b5cad",
    "good": "#17682f",
    "bad": "#b3201b",
    "odd": "#7d4a00",
    "bar": "#0b5cad",
}
DARK: Mapping[str, str] = {
    "ground": "#12171c",
    "panel": "#1c232b",
    "line": "#3b4650",
    "text": "#e4e9ed",
    "dim": "#a3b0bb",
    "link": "#7fb8f2",
    "good": "#6fcf8a",
    "bad": "#ff938a",
    "odd": "#f0b35c",
    "bar": "#7fb8f2",
}

_RULES = """
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem 1.25rem 3rem;max-width:90rem;background:var(--ground);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
a{color:var(--link)}
a:focus-visible,input:focus-visible,select:focus-visible,button:focus-visible,summary:focus-visible{
outline:3px solid var(--link);outline-offset:2px}
h1{font-size:1.5rem;margin:0}
h2{font-size:1.1rem;margin:1.75rem 0 .5rem}
p{margin:.25rem 0}
header p,footer,.dim,caption{color:var(--dim)}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static}
.note{border:1px solid var(--line);border-left:.35rem solid var(--odd);background:var(--panel);
padding:.6rem .9rem;margin:1rem 0}
.tiles{display:flex;flex-wrap:wrap;gap:.6rem;list-style:none;margin:.5rem 0;padding:0}
.tiles li{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;padding:.4rem .8rem;
min-width:7rem}
.tiles b{display:block;font-size:1.35rem;line-height:1.3;font-variant-numeric:tabular-nums}
.good{color:var(--good)}.bad{color:var(--bad)}.odd{color:var(--odd)}
table{border-collapse:collapse;width:100%}
caption{text-align:left;padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem .4rem 0;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--dim);font-weight:600;white-space:nowrap}
tbody th{font-weight:600}
td,tbody th{overflow-wrap:anywhere}
.num{font-variant-numeric:tabular-nums;white-space:nowrap}
.small{font-size:.9em}
time{white-space:nowrap}
ul.plain{list-style:none;margin:0;padding:0}
summary{cursor:pointer;color:var(--link)}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em}
pre{background:var(--panel);border:1px solid var(--line);padding:.6rem .9rem;overflow-x:auto}
form{display:flex;flex-wrap:wrap;gap:.6rem .9rem;align-items:end;margin:.5rem 0 1rem}
label{display:grid;gap:.15rem;color:var(--dim);font-size:.9em}
input,select,button{font:inherit;color:var(--text);background:var(--ground);border:1px solid var(--dim);
border-radius:.3rem;padding:.3rem .5rem;min-width:0;max-width:100%}
button{background:var(--panel);cursor:pointer}
nav p{display:flex;gap:1rem;flex-wrap:wrap}
svg{display:block;max-width:100%;height:auto}
rect{fill:var(--bar)}
line{stroke:var(--line)}
@media (max-width:46rem){
.cards thead{position:absolute;left:-99rem}
.cards,.cards caption,.cards tbody,.cards tr,.cards td,.cards tbody th{display:block}
.cards tr{border:1px solid var(--line);border-radius:.4rem;padding:.3rem .7rem;margin:.6rem 0}
.cards td,.cards tbody th{border:0;padding:.2rem 0}
.cards td[data-name]::before{content:attr(data-name) ": ";color:var(--dim)}
}
@media print{form,nav,.skip{display:none}}
"""


def _palette(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


CSS = (
    f":root{{color-scheme:light dark;{_palette(LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_palette(DARK)}}}}}{_RULES}"
)
# https://www.w3.org/TR/CSP3/#grammardef-hash-source
CSS_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()}'"
