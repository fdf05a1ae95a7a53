"""The report's frame and style sheet: one page, no script, nothing beside it, light or dark as the reader's system."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><div class="wrap"><h1>{heading}</h1><p class="lead">{lead}</p>
<nav>{links}</nav></div></header>
<main class="wrap">
{sections}
</main>
<footer class="wrap"><p>{footer}</p></footer>
</body>
</html>
"""

STYLE = """
:root{--bg:#f6f7f9;--card:#fff;--ink:#1b2530;--soft:#5c6b7a;--line:#e2e7ec;--accent:#0a6ebd;--good:#0b7a5b;--bad:#b3261e;
--heat:10,110,189;--track:#e9eef3;--shadow:0 1px 2px rgba(20,30,40,.06),0 4px 16px rgba(20,30,40,.05)}
@media (prefers-color-scheme:dark){:root{--bg:#12171d;--card:#1b222b;--ink:#e6ebf0;--soft:#98a6b5;--line:#2c3641;
--accent:#62b0f0;--good:#4cc9a0;--bad:#ff8a80;--heat:88,166,235;--track:#2a343f;--shadow:none}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
.wrap{max-width:1120px;margin:0 auto;padding:0 20px}
header{background:var(--card);border-bottom:1px solid var(--line);padding:34px 0 0}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:0 0 4px;letter-spacing:-.005em}
.lead,.note{color:var(--soft);margin:0 0 14px;max-width:72ch}
nav{display:flex;flex-wrap:wrap;gap:2px 20px;padding:6px 0 12px}
nav a{color:var(--accent);text-decoration:none;font-size:.92rem}
nav a:hover,nav a:focus{text-decoration:underline}
section{margin:34px 0;scroll-margin-top:16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;box-shadow:var(--shadow);padding:16px 18px}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin-top:26px}
.numbers .card b{display:block;font-size:1.9rem;line-height:1.15;font-variant-numeric:tabular-nums;font-weight:650}
.numbers .card span{color:var(--soft);font-size:.88rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 12px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--soft);font-weight:600;font-size:.85rem;border-bottom:2px solid var(--line)}
tbody tr:last-child td,tbody tr:last-child th{border-bottom:0}
tbody th{font-weight:500}
tr.total td,tr.total th{font-weight:650;border-top:2px solid var(--line)}
tr.chosen td,tr.chosen th{background:rgba(var(--heat),.12)}
td.wide{text-align:left;white-space:normal;overflow-wrap:anywhere}
.dot{display:inline-block;width:.72em;height:.72em;border-radius:3px;margin-right:.5em}
.bar{display:inline-block;vertical-align:middle;width:120px;height:8px;border-radius:4px;background:var(--track);
margin-right:10px;overflow:hidden}
.bar i{display:block;height:100%}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:14px}
.charts figure{margin:0}
.charts figcaption{font-weight:600;font-size:.92rem;margin-bottom:6px}
.charts figcaption span{color:var(--soft);font-weight:400;float:right}
.chart{display:block;width:100%;height:auto}
.chart text{fill:var(--soft);font-size:10px}
.chart .grid{stroke:var(--line);stroke-width:1}
.chart .mark{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:3 3}
.chart polyline{fill:none;stroke-width:2;stroke-linejoin:round}
.key{display:inline-block;width:1.4em;height:3px;border-radius:2px;vertical-align:middle;margin:0 .4em 0 0}
.two{display:grid;grid-template-columns:minmax(280px,5fr) minmax(300px,6fr);gap:14px;align-items:start}
@media (max-width:800px){.two{grid-template-columns:1fr}}
.confusion{width:auto}
.confusion td{text-align:center;min-width:46px;border:1px solid var(--line)}
.confusion thead th{text-align:center;vertical-align:bottom}
.confusion thead th span{writing-mode:vertical-rl;transform:rotate(180deg);padding:4px 0}
.confusion .none{color:var(--soft);opacity:.45}
.confusion .right{outline:2px solid var(--good);outline-offset:-2px}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(165px,1fr));gap:14px}
.tile{margin:0;background:var(--card);border:1px solid var(--line);border-radius:12px;overflow:hidden;
box-shadow:var(--shadow)}
.tile img{display:block;width:100%;height:auto}
.tile .square{aspect-ratio:1;object-fit:cover}
.tile figcaption{padding:10px 12px;font-size:.88rem;line-height:1.4;overflow-wrap:anywhere}
.tile figcaption span{display:block;color:var(--soft)}
.pictures .tile figcaption{font-size:.92rem}
.pictures{grid-template-columns:repeat(auto-fill,minmax(320px,1fr))}
details{margin-top:14px}
summary{cursor:pointer;color:var(--accent)}
footer{color:var(--soft);font-size:.85rem;padding-bottom:40px}
@media (prefers-color-scheme:dark){.chart polyline,.chart polygon,.bar i,.dot{filter:brightness(1.3)}}
@media print{body{background:#fff}.card,.tile{break-inside:avoid;box-shadow:none}nav{display:none}}
"""
