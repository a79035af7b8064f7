"""The one list of everything a person can do. Menus, keys, palette, permissions and the audit's wording derive from it."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.domain.aside import How
from app.domain.audit import AuditEntry
from app.domain.case import MOVE_WORDS, Move
from app.domain.command import Act, MoveAlerts, OpenCase, PutAside, TakeBack
from app.domain.errors import DeckError
from app.domain.role import Role
from app.domain.text import N_
from app.journal import records

ActionId = str
Asks = Literal["none", "optional", "required"]
"""Whether a comment belongs to it."""

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
    comment: Asks = "none"
    target: Literal["alert", "case", "shelf", "none"] = "none"

    @property
    def move(self) -> Move | None:
        """The case's move that it stands for, if it is one."""
        return Move(self.verb) if self.target == "case" else None


def _alert(
    verb: str,
    title: str,
    explains: str,
    done: str,
    *,
    icon: str,
    own_id: ActionId = "",
    key: str = "",
    comment: Asks = "optional",
    roles: frozenset[Role] = DESK_WORKERS,
) -> ActionSpec:
    return ActionSpec(
        id=own_id or verb, title=title, verb=verb, roles=roles, explains=explains, done=done, key=key, icon=icon, comment=comment, target="alert"
    )


ACKNOWLEDGE = _alert(
    "acknowledge_alert",
    N_("Acknowledge"),
    N_("Take note of the alert, with a comment if you like. It stays in the queue until its condition ends."),
    N_("acknowledged the alert"),
    own_id="acknowledge",
    key="A",
    icon="check",
)
UNACKNOWLEDGE = _alert(
    "unacknowledge_alert",
    N_("Take back acknowledgement"),
    N_("The alert waits for somebody again, as if nobody had taken note of it. Say why."),
    N_("took back the acknowledgement of the alert"),
    own_id="unacknowledge",
    icon="undo",
    comment="required",
)
COMMENT_ALERT = _alert(
    "comment_alert",
    N_("Note"),
    N_("Add a remark to the alert's history."),
    N_("commented on the alert"),
    key="N",
    icon="message",
    comment="required",
)
TAKE_ALERT = _alert(
    "take_alert",
    N_("Take over"),
    N_("You are the one who looks after this alert, and everybody sees it."),
    N_("took the alert over"),
    key="O",
    icon="user",
    comment="none",
)
RELEASE_ALERT = _alert(
    "release_alert",
    N_("Let go"),
    N_("Nobody looks after this alert any more; somebody else may take it over."),
    N_("let the alert go"),
    key="L",
    icon="user-minus",
    comment="none",
)
SHELVE = _alert(
    "shelve",
    N_("Shelve"),
    N_("Put it aside for a while: out of the queue, but counted and listed, and back by itself when the time is over. Say why."),
    N_("shelved alerts"),
    key="S",
    icon="archive",
    comment="required",
)
OUT_OF_SERVICE = _alert(
    "out_of_service",
    N_("Take out of service"),
    N_("What raises it is being worked on: its alerts stay out of the queue until the work is over. Say why."),
    N_("took alerts out of service"),
    icon="ban",
    comment="required",
    roles=DUTY,
)
TAKE_BACK = ActionSpec(
    id="take_back",
    title=N_("Bring back"),
    verb="take_back",
    roles=DESK_WORKERS,
    explains=N_("What was put aside comes back into the queue now, before its time is over."),
    done=N_("brought back what was put aside"),
    key="B",
    icon="undo",
    comment="optional",
    target="shelf",
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
    comment: Asks = "optional",
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


def _own(own_id: str, title: str, explains: str, done: str, icon: str, roles: frozenset[Role] = EVERYBODY, *, comment: Asks = "none") -> ActionSpec:
    return ActionSpec(id=own_id, title=title, verb=own_id, roles=roles, explains=explains, done=done, icon=icon, comment=comment)


SIGN_IN = _own("sign_in", N_("Sign in"), N_("Take the seat under your own name."), N_("signed in"), "log-in")
SIGN_OUT = _own("sign_out", N_("Sign out"), N_("Leave the seat; the desk goes on showing."), N_("signed out"), "log-out")
SAVE_LAYOUT = _own("save_layout", N_("Save layout"), N_("Keep the present arrangement under a name."), N_("saved a layout"), "layout")
LOCK_LAYOUT = _own("lock_layout", N_("Lock layout"), N_("Panels stay where they are until unlocked."), N_("locked or unlocked the layout"), "lock")
EXPORT = _own("export", N_("Export"), N_("Write what is shown to a file."), N_("exported to a file"), "download")
CHANGE_LANGUAGE = _own("change_language", N_("Change language"), N_("Switch between Chinese and English."), N_("changed the language"), "globe")
CHANGE_THEME = _own("change_theme", N_("Change theme"), N_("Switch between light and dark."), N_("changed the theme"), "contrast")
MUTE = _own(
    "mute",
    N_("Mute the sound"),
    N_("No tone for a while, for a reason. It ends by itself; until then it stands on the screen."),
    N_("muted the sound"),
    "bell",
    comment="required",
)
UNMUTE = _own("unmute", N_("End the mute"), N_("Tones sound again from now on."), N_("ended the mute"), "bell")
SOUND_SETTINGS = _own(
    "sound_settings", N_("Change the sound"), N_("Which severity sounds, how loud and how often."), N_("changed how the desk sounds"), "bell"
)

ACTIONS: tuple[ActionSpec, ...] = (
    ACKNOWLEDGE,
    UNACKNOWLEDGE,
    COMMENT_ALERT,
    TAKE_ALERT,
    RELEASE_ALERT,
    SHELVE,
    OUT_OF_SERVICE,
    TAKE_BACK,
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
    MUTE,
    UNMUTE,
    SOUND_SETTINGS,
)

BY_ID: dict[ActionId, ActionSpec] = {spec.id: spec for spec in ACTIONS}
OWN: frozenset[ActionId] = frozenset(spec.id for spec in ACTIONS if spec.target == "none")
"""Actions of the deck itself: audited, never sent anywhere."""

_BY_VERB: dict[str, ActionSpec] = {spec.verb: spec for spec in ACTIONS}

SHELF_ENDED = "shelf_ended"
SUPPRESSED = "suppressed"
UNSUPPRESSED = "unsuppressed"
ESCALATED = "escalated"
FLOOD_BEGAN = "flood_began"
FLOOD_ENDED = "flood_ended"
RULES_RELOADED = "rules_reloaded"
NOTES_LOST = "notes_lost"

CLOCK_WORDS: dict[str, str] = {
    SHELF_ENDED: N_("brought back what was put aside, its time being over"),
    SUPPRESSED: N_("suppressed an alert by design"),
    UNSUPPRESSED: N_("ended the suppression of an alert"),
    ESCALATED: N_("escalated an alert that nobody had acknowledged"),
    FLOOD_BEGAN: N_("saw an alarm flood begin"),
    FLOOD_ENDED: N_("saw the alarm flood end"),
    RULES_RELOADED: N_("read the rules anew"),
    NOTES_LOST: N_("could not write down everything it did"),
}
"""Verbs of what happens by the clock, without a person (see app.actions.clerk)."""

VERB_WORDS: dict[str, str] = {
    **{move.value: words for move, words in MOVE_WORDS.items()},
    **{spec.verb: spec.done for spec in ACTIONS},
    **CLOCK_WORDS,
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
    if isinstance(act, MoveAlerts):
        return _BY_VERB[f"{act.move.value}_alert"]
    if isinstance(act, PutAside):
        return SHELVE if act.how is How.SHELVED else OUT_OF_SERVICE
    if isinstance(act, TakeBack):
        return TAKE_BACK
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
