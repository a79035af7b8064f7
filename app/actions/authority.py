"""Who may do what where. Pure: nothing is looked up and nothing is remembered."""

from __future__ import annotations

from collections.abc import Sequence

from app.actions.spec import DESK_WORKERS, DUTY, EVERYBODY, SIGN_IN, ActionSpec
from app.domain.errors import DeckError
from app.domain.ids import AreaCode
from app.domain.role import Operator, Role
from app.domain.text import N_

_DISTRICT, _PROVINCE = 6, 2
"""Digits of a code down to the district, and of its first part."""

_ONLY: dict[frozenset[Role], str] = {
    DUTY: N_("Only the duty officer may do this."),
    DESK_WORKERS: N_("Only operators and the duty officer may do this."),
    EVERYBODY: N_("Everybody who is signed in may do this."),
}


class Forbidden(DeckError):
    """This person may not do this, or not here. `what` is a msgid that says who may."""


def authorise(operator: Operator | None, spec: ActionSpec, area: AreaCode | str) -> None:
    """Return where `operator` may do `spec` in `area` (empty: it is about no area); raise Forbidden where not."""
    if operator is None:
        if spec is SIGN_IN:
            return
        raise Forbidden(N_("Nobody is signed in at this desk."), where=spec.id, remedy=N_("Sign in first."))
    if operator.role not in spec.roles:
        raise Forbidden(_ONLY[spec.roles], where=f"{operator.name} ({operator.role.value})", remedy=N_("Ask them to do it."))
    if area and operator.areas and not any(covers(mine, area) for mine in operator.areas):
        raise Forbidden(
            N_("This lies outside the areas that you are responsible for."), where=area, remedy=N_("Ask whoever is responsible for the area.")
        )


def authorise_all(operator: Operator | None, spec: ActionSpec, areas: Sequence[AreaCode]) -> Operator:
    """The operator, where they may do `spec` in every one of `areas` (empty: all over the city, which is not for those who are responsible
    for some areas only); raise Forbidden where not."""
    if operator is None:
        raise Forbidden(N_("Nobody is signed in at this desk."), where=spec.id, remedy=N_("Sign in first."))
    for area in areas or ("",):
        authorise(operator, spec, area)
    if not areas and operator.areas:
        raise Forbidden(
            N_("This reaches beyond the areas that you are responsible for."),
            where=spec.id,
            remedy=N_("Name an area of yours, or ask whoever is responsible for the whole city."),
        )
    return operator


def covers(mine: AreaCode | str, area: AreaCode | str) -> bool:
    """Whether `area` is `mine` or part of it. Codes nest (GB/T 2260): 370200 holds 370202, and that holds 370202001."""
    if mine == area:
        return True
    stem = str(mine)
    while len(mine) == _DISTRICT and len(stem) > _PROVINCE and stem.endswith("00"):
        stem = stem[:-2]
    return bool(stem) and len(area) >= len(mine) and area.startswith(stem)
