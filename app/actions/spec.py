"""The one list of everything a person can do. Menus, keys, palette, permissions and the audit's wording derive from it."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.domain.audit import AuditEntry
from app.domain.case import MOVE_WORDS, Move
from app.domain.command import AcknowledgeAlert, Act, OpenCase
from app.domain.errors import DeckError
from app.domain.role import Role
from app.domain.text import N_
from app.journal import records

ActionId = str

EVERYBODY = frozenset(Role)
DESK_WORKERS = frozenset({Role.OPERATOR, Role.DUTY_OFFICER})
DUTY = frozenset({Role.DUTY_OFFICER})


class ActionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person can do."""

    id: ActionId
    title: str
    """Menu and button; a msgid."""
    verb: str
    """What the audit chain and the wire call it: a command's verb, a case's move, or one of the deck's own."""
    roles: frozenset[Role]
    explains: str
    """One sentence for the tooltip; a msgid."""
    done: str
    """What the activity log says of it, after the actor's name; a msgid."""
    key: str = ""
    """Shortcut where the target has the focus; empty: none."""
    icon: str = ""
    comment: Literal["none", "optional", "required"] = "none"
    target: Literal["alert", "case", "none"] = "none"

    @property
    def move(self) -> Move | None:
        """The case's move that it stands for, if it is one."""
        return Move(self.verb) if self.target == "case" else None


ACKNOWLEDGE = ActionSpec(
    id="acknowledge",
    title=N_("Acknowledge"),
    verb="acknowledge_alert",
    roles=DESK_WORKERS,
    explains=N_("Take note of the alert, with a comment if you like. It stays in the queue until its condition ends."),
    done=N_("acknowledged the alert"),
    key="A",
    icon="check",
    comment="optional",
    target="alert",
)
OPEN_CASE = ActionSpec(
    id="open_case",
    title=N_("Open case"),
    verb="open_case",
    roles=DESK_WORKERS,
    explains=N_("File a case from the chosen alerts. It exists at once; the platform gives it its number."),
    done=N_("opened a case"),
    key="C",
    icon="folder-plus",
    comment="none",
    target="alert",
)


def _move(
    move: Move,
    title: str,
    explains: str,
    *,
    key: str = "",
    icon: str,
    comment: Literal["none", "optional", "required"] = "optional",
    roles: frozenset[Role] = DUTY,
) -> ActionSpec:
    return ActionSpec(
        id=move.value,
        title=title,
        verb=move.value,
        roles=roles,
        explains=explains,
        done=MOVE_WORDS[move],
        key=key,
        icon=icon,
        comment=comment,
        target="case",
    )


FILE = _move(Move.FILE, N_("File report"), N_("The report is a case: it is filed and its clocks begin."), key="F", icon="check")
DISPATCH = _move(Move.DISPATCH, N_("Dispatch"), N_("Send the marked units to the case."), key="D", icon="send", comment="none")
RECALL = _move(Move.RECALL, N_("Recall"), N_("Call a unit back from the case."), key="R", icon="undo")
VERIFY = _move(Move.VERIFY, N_("Verify"), N_("The result that the unit reported has been checked and is good."), key="V", icon="shield-check")
REWORK = _move(Move.REWORK, N_("Rework"), N_("The result is not good: the unit has to work on. Say why."), icon="repeat", comment="required")
CLOSE = _move(Move.CLOSE, N_("Close"), N_("Nothing more is to be done about the verified case."), key="X", icon="archive")
REJECT = _move(Move.REJECT, N_("Reject"), N_("The report is no case. Say why."), icon="ban", comment="required")
REOPEN = _move(
    Move.REOPEN,
    N_("Reopen"),
    N_("The closed case was not over. Say why. Its old time limit does not count any more."),
    icon="rotate",
    comment="required",
)
VOID = _move(
    Move.VOID, N_("Void"), N_("The case should never have been filed. Say why. Its units are called back."), icon="trash", comment="required"
)
COMMENT = _move(
    Move.COMMENT, N_("Comment"), N_("Add a remark to the case's history."), key="M", icon="message", comment="required", roles=DESK_WORKERS
)


def _own(own_id: str, title: str, explains: str, done: str, icon: str, roles: frozenset[Role] = EVERYBODY) -> ActionSpec:
    return ActionSpec(id=own_id, title=title, verb=own_id, roles=roles, explains=explains, done=done, icon=icon)


SIGN_IN = _own("sign_in", N_("Sign in"), N_("Take the seat under your own name."), N_("signed in"), "log-in")
SIGN_OUT = _own("sign_out", N_("Sign out"), N_("Leave the seat; the desk goes on showing."), N_("signed out"), "log-out")
SAVE_LAYOUT = _own("save_layout", N_("Save layout"), N_("Keep the present arrangement under a name."), N_("saved a layout"), "layout")
LOCK_LAYOUT = _own("lock_layout", N_("Lock layout"), N_("Panels stay where they are until unlocked."), N_("locked or unlocked the layout"), "lock")
EXPORT = _own("export", N_("Export"), N_("Write what is shown to a file."), N_("exported to a file"), "download")
CHANGE_LANGUAGE = _own("change_language", N_("Change language"), N_("Switch between Chinese and English."), N_("changed the language"), "globe")
CHANGE_THEME = _own("change_theme", N_("Change theme"), N_("Switch between light and dark."), N_("changed the theme"), "contrast")

ACTIONS: tuple[ActionSpec, ...] = (
    ACKNOWLEDGE,
    OPEN_CASE,
    FILE,
    DISPATCH,
    RECALL,
    VERIFY,
    REWORK,
    CLOSE,
    REJECT,
    REOPEN,
    VOID,
    COMMENT,
    SIGN_IN,
    SIGN_OUT,
    SAVE_LAYOUT,
    LOCK_LAYOUT,
    EXPORT,
    CHANGE_LANGUAGE,
    CHANGE_THEME,
)

BY_ID: dict[ActionId, ActionSpec] = {spec.id: spec for spec in ACTIONS}
OWN: frozenset[ActionId] = frozenset(spec.id for spec in ACTIONS if spec.target == "none")
"""Actions of the deck itself: audited, never sent anywhere."""

_BY_VERB: dict[str, ActionSpec] = {spec.verb: spec for spec in ACTIONS}

VERB_WORDS: dict[str, str] = {
    **{move.value: words for move, words in MOVE_WORDS.items()},
    **{spec.verb: spec.done for spec in ACTIONS},
    records.ANSWER: N_("answered"),
    records.CHAIN_BREAK_FOUND: N_("found the audit chain broken"),
    records.HEAD_BROUGHT_FORWARD: N_("completed the audit head after a crash"),
    records.SIGN_IN_FAILED: N_("failed to sign in"),
    records.SIGN_IN_LOCKED: N_("was kept from signing in after too many wrong passwords"),
    records.OPERATOR_ADDED: N_("added an operator"),
    records.OPERATOR_CHANGED: N_("changed an operator"),
    records.JOURNAL_MIGRATED: N_("brought the journal to a new version"),
}
"""Every verb of the audit chain → its msgid, to be read after the actor's name."""

ANSWER_WORDS: dict[str, str] = {"confirmed": N_("confirmed the command"), "refused": N_("refused the command")}


def spec_of(act: Act) -> ActionSpec:
    """The action that a command's act belongs to. Raises DeckError for a move that is not a desk's to make."""
    if isinstance(act, AcknowledgeAlert):
        return ACKNOWLEDGE
    if isinstance(act, OpenCase):
        return OPEN_CASE
    spec = _BY_VERB.get(act.move.value)
    if spec is None:
        raise DeckError(
            N_("This step belongs to the platform or to the unit, not to a desk."), where=act.move.value, remedy=N_("Wait until it is reported.")
        )
    return spec


def verb_words(entry: AuditEntry) -> str:
    """The msgid that says what a line of the audit chain is about; an unknown verb is its own word."""
    if entry.verb == records.ANSWER:
        answer = records.answer_of(entry)
        return VERB_WORDS[records.ANSWER] if answer is None else ANSWER_WORDS[answer.outcome]
    return VERB_WORDS.get(entry.verb, entry.verb)
