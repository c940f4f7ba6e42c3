"""The page `/docs`: Swagger UI, whose files come from a package and from nobody's network."""

import hashlib
import re
from base64 import b64encode
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

PACKAGE: Final = "fastapi_swagger.resources"
"""Of its wheel only the files of swagger-ui-dist are used, which it follows closely."""

ASSETS: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")

_INLINE_SCRIPT = re.compile(r"<script>([^<]*)</script>")


def add_api_page(app: FastAPI) -> None:
    """Serves the description of the API to people, with all that its page needs."""

    @app.get("/docs", include_in_schema=False)
    async def page(request: Request) -> HTMLResponse:
        root = str(request.scope.get("root_path", "")).rstrip("/")
        response = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
            swagger_css_url=f"{root}/docs/swagger-ui.css",
            swagger_favicon_url=f"{root}/docs/favicon-32x32.png",
            # It would show somebody's service the address of this one, and then its badge.
            swagger_ui_parameters={"validatorUrl": None},
        )
        response.headers["Content-Security-Policy"] = _policy(bytes(response.body).decode())
        return response

    for name in ASSETS:
        send = partial(_send, Path(str(files(PACKAGE).joinpath(name))))
        app.add_api_route(f"/docs/{name}", send, methods=["GET"], include_in_schema=False)


async def _send(path: Path) -> FileResponse:
    return FileResponse(path)


def _policy(html: str) -> str:
    """Everything from this service; of scripts in the page only the one that starts Swagger UI."""
    hashes = " ".join(
        f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(html)
    )
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {hashes}",
            # Its stylesheet has pictures in it.
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
