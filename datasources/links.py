"""From what a person writes after `--connect` to the source that it means. The only place that knows which schemes there are."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import urlsplit

from app.citypack import CityPack
from app.domain.batch import Source
from app.domain.errors import DeckError
from app.domain.ids import AreaCode, Millis, SourceName
from app.domain.text import N_
from datasources.cap import CapSource
from datasources.gateway import GatewaySource, default_tls
from datasources.protocol import TOPICS

KNOWN = ("ws://HOST:PORT", "wss://HOST:PORT", "cap:PATH")
"""What may follow `--connect`, as it is told to somebody who wrote something else."""
MAX_NAME = 24


def open_source(
    spec: str,
    *,
    desk: str,
    city: CityPack,
    now: Callable[[], Millis],
    token: str | None = None,
    ca: Path | None = None,
    allow_plain: bool = False,
    areas: tuple[AreaCode, ...] = (),
    name: str = "",
    taken: Collection[str] = (),
) -> Source:
    """The source that `spec` names, not yet running. `name` replaces the name made from the address; `taken` are the names already in use.

    Raises DeckError where the scheme is unknown or the address cannot be used.
    """
    scheme = spec.split(":", 1)[0].lower()
    if scheme in ("ws", "wss"):
        tls: ssl.SSLContext | None = default_tls(str(ca)) if ca is not None and scheme == "wss" else None
        link = _free(name or _host(spec), taken)
        return GatewaySource(link, spec, desk=desk, city=city.id, token=token, topics=TOPICS, areas=areas, ssl=tls, now=now, allow_plain=allow_plain)
    if scheme == "cap" and len(spec) > len("cap:"):
        path = Path(spec[len("cap:") :])
        return CapSource(_free(name or f"cap:{path.name or 'root'}", taken), path, city, now)
    raise DeckError(N_("this kind of source is not known"), where=_shown(spec), remedy=", ".join(KNOWN))


def _host(spec: str) -> str:
    try:
        parts = urlsplit(spec)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "platform"  # GatewaySource says what is wrong with it
    return f"{host or 'platform'}:{port}" if port else host or "platform"


def _free(wanted: str, taken: Collection[str]) -> SourceName:
    """`wanted`, shortened, without the slash that parts a link from its wire sources, and unlike every name in `taken`."""
    stem = "".join(char for char in wanted if char.isprintable() and char != "/")[:MAX_NAME] or "link"
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}-{count}"
    return SourceName(name)


def _shown(spec: str) -> str:
    """`spec` without what may be a password."""
    return spec.split("?", 1)[0].rsplit("@", 1)[-1][:100]
