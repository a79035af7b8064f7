"""Who sits here now."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.role import Operator, Seat
from app.journal import Who


class Session:
    """The operator at this desk, the seat and the desk's own id. Event loop's thread."""

    def __init__(self, *, seat: Seat, desk: str, operator: Operator | None = None) -> None:
        self.seat = seat
        self.desk = desk
        self._operator = operator
        self._told: list[Callable[[Operator | None], None]] = []

    @property
    def operator(self) -> Operator | None:
        """Who is signed in, or None."""
        return self._operator

    @property
    def who(self) -> Who:
        """The same, for the journal."""
        if self._operator is None:
            return Who("", "", self.seat.value, self.desk)
        return Who(self._operator.id, self._operator.role.value, self.seat.value, self.desk)

    def change(self, operator: Operator | None) -> None:
        """Somebody else sits here now. Auditing is the caller's: see ActionDesk.sign_in and sign_out."""
        self._operator = operator
        for told in list(self._told):
            told(operator)

    def subscribe(self, told: Callable[[Operator | None], None]) -> Callable[[], None]:
        """Call `told` with each change. Returns the undo, which may be called twice."""
        self._told.append(told)

        def undo() -> None:
            if told in self._told:
                self._told.remove(told)

        return undo
