"""The documentation page: the OpenAPI document as HTML that needs no script and nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from typing import Any

from webapp.problems import KINDS

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}: documentation</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/style.css">
</head>
<body class="docs">
<header class="bar"><div class="wrap"><h1>{title}</h1><nav aria-label="Pages"><a href="/">Try it</a>
<a href="/openapi.json">openapi.json</a></nav></div></header>
<main class="wrap">
<p class="lead">{lead}</p>
<nav aria-label="Addresses" class="contents">{contents}</nav>
{operations}
<section class="card"><h2 id="problems">Problems</h2>
<p>What goes wrong is answered as <code>application/problem+json</code> (RFC 9457): <code>type</code>,
<code>title</code>, <code>status</code>, <code>detail</code>, and the <code>request_id</code> that stands in the
service's log.</p>
<div class="scroll"><table><thead><tr><th scope="col">status</th><th scope="col">kind</th><th scope="col">title</th>
<th scope="col">what to do</th></tr></thead><tbody>{problems}</tbody></table></div></section>
</main>
</body>
</html>
"""


def documentation_page(document: dict[str, Any]) -> str:
    """Return the page for an OpenAPI `document`."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return _PAGE.format(
        title=escape(document["info"]["title"]),
        lead=escape(document["info"]["description"]),
        contents="".join(f'<a href="#{_anchor(m, p)}"><b>{m}</b> {escape(p)}</a>' for m, p, _ in operations),
        operations="\n".join(_operation(*each) for each in operations),
        problems="".join(
            f'<tr id="{name}"><td>{kind.status}</td><td><code>{name}</code></td><td>{escape(kind.title)}</td>'
            f"<td>{escape(kind.advice)}</td></tr>"
            for name, kind in KINDS.items()
        ),
    )


def _anchor(method: str, path: str) -> str:
    return f"{method.lower()}{path.replace('/', '-')}"


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    name = _anchor(method, path)
    parts = [
        f'<section class="card"><h2 id="{name}"><span class="method">{method}</span> <code>{escape(path)}</code></h2>',
        f"<p><b>{escape(operation.get('summary', ''))}.</b> {_prose(operation.get('description', ''))}</p>",
        _table(("parameter", "type", "what it does"), [_parameter(p) for p in operation.get("parameters", [])]),
    ]
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        parts.append("<p>Body: " + ", ".join(f"<code>{escape(kind)}</code>" for kind in body) + "</p>")
        parts.append(f"<pre><code>{escape(_curl(path, body))}</code></pre>")
    rows = [
        (escape(status), escape(response["description"]), ", ".join(escape(k) for k in response.get("content", {})))
        for status, response in sorted(operation["responses"].items())
    ]
    parts.append(_table(("status", "answer", "as"), rows))
    return "".join(parts) + "</section>"


def _prose(text: str) -> str:
    """Return `text` with what stands in backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if position % 2 else part for position, part in enumerate(parts))


def _curl(path: str, body: dict[str, Any]) -> str:
    several = path.endswith("batch")
    fields = ' -F "image=@other.jpg"' if several else ' -F "filename=1"' if path == "/vott" else ""
    return f'curl -F "image=@photo.jpg"{fields} http://127.0.0.1:8080{path}'


def _parameter(parameter: dict[str, Any]) -> tuple[str, str, str]:
    schema = parameter["schema"]
    choices = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    kind = choices[0]
    limits = [f"{word} {kind[key]:,.10g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in kind]
    text = " | ".join(kind["enum"]) if "enum" in kind else " ".join([kind.get("type", ""), *limits])
    described = parameter.get("description") or schema.get("description", "")
    return f"<code>{escape(parameter['name'])}</code>", escape(text), escape(described)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
