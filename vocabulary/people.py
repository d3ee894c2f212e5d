"""People: their names, roles and rights, and when two of them count as two. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from vocabulary.errors import Malformed, NotAllowed

#: Longest name, in characters.
NAME_LENGTH_MAX = 64
#: Begins the texts of those in whose session a step is taken.
_VIA = "via "
#: The scripts that Japanese and Korean write together in one name.
_WRITTEN_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "HANGUL"}),
)
#: Marks and a blank that show nothing although they count as printable: from, to.
_INVISIBLE = (
    *((0x034F, 0x034F), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800)),
    *((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)),
)
#: Case-folded letters and digits that look like a Latin letter: Cyrillic, Greek, others.
_CYRILLIC = (
    "\u0430\u0432\u0441\u0501\u0435\u04bb\u0456\u0458\u043a\u04cf\u043c"
    "\u043d\u043e\u0440\u051b\u0455\u0442\u0443\u051d\u0445\u0475"
)
_GREEK = "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3"
_OTHERS = "\u0131\u0030\u0031\u0261\u0251"
_LOOKALIKES = str.maketrans(
    _CYRILLIC + _GREEK + _OTHERS, "abcdehijklmhopqstywxvabeniknoptuxyiolga"
)


class PersonRefused(NotAllowed):
    """The person is unknown, disabled, or may not do this; nothing was changed."""


class Role(StrEnum):
    """What a person is to the books; a closed set."""

    VIEWER = "viewer"
    FINANCE = "finance"
    APPROVER = "approver"
    OPS = "ops"
    ADMIN = "admin"


class Right(StrEnum):
    """What a person may do; a closed set, named as the message of a refusal says it."""

    READ = "read"
    WORK_BREAKS = "work on breaks"
    DISPUTE = "put breaks before a provider"
    ASK_PROVIDERS = "ask providers about a break"
    PROPOSE = "propose corrections"
    DECIDE = "approve or reject corrections"
    WRITE_OFF = "write breaks off"
    MOVE_FUNDS = "deposit or withdraw money"
    RESOLVE_FINDINGS = "resolve findings about feeds"
    ORDER_PLAYERS = "block, exclude or limit players"
    RUN_QUEUES = "decide about queues and parked work"
    SET_NOTIFICATIONS = "set rules of notifications"
    IMPORT_FEEDS = "import statements and pull feeds"
    RUN_DAYS = "start runs and sweeps of days"
    PREPARE_DAYS = "close and prepare days"
    SIGN_DAYS = "sign days"
    REOPEN_DAYS = "reopen days"
    CHANGE_LIMITS = "propose or confirm limits"
    EXPORT_JOURNALS = "export journals"
    RECORD_INVOICES = "receive, dispute or pay invoices"
    APPROVE_INVOICES = "approve invoices"
    RESTORE = "restore the database"
    ARCHIVE = "archive months"
    LET_GO = "let archived bytes leave the database"
    SEE_SETTINGS = "see the settings in force"
    MANAGE_PEOPLE = "manage people and act for others"


_FINANCE = frozenset(
    {
        *(Right.READ, Right.WORK_BREAKS, Right.DISPUTE, Right.ASK_PROVIDERS, Right.PROPOSE),
        *(Right.WRITE_OFF, Right.MOVE_FUNDS, Right.RESOLVE_FINDINGS, Right.PREPARE_DAYS),
        *(Right.EXPORT_JOURNALS, Right.RECORD_INVOICES, Right.RUN_DAYS),
        Right.IMPORT_FEEDS,
    }
)
#: The one table of rights. No right lets a person decide alone: four eyes are checked apart.
RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Right.READ}),
        Role.FINANCE: _FINANCE,
        Role.APPROVER: _FINANCE
        | {Right.DECIDE, Right.SIGN_DAYS, Right.REOPEN_DAYS, Right.APPROVE_INVOICES}
        | {Right.CHANGE_LIMITS, Right.LET_GO},
        Role.OPS: frozenset(
            {
                *(Right.READ, Right.ASK_PROVIDERS, Right.RESOLVE_FINDINGS),
                *(Right.ORDER_PLAYERS, Right.RUN_QUEUES, Right.RUN_DAYS, Right.SEE_SETTINGS),
                *(Right.IMPORT_FEEDS, Right.RESTORE, Right.ARCHIVE, Right.SET_NOTIFICATIONS),
            }
        ),
        Role.ADMIN: frozenset(Right),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A registered person.

    Attributes:
        name: normalised, see ``normalized_name``.
        os_user: the operating-system user that the person works as, if any.
        limited_to: the only rights that count, as of a token; None: all of the roles' rights.
    """

    person_id: int
    name: str
    display_name: str
    roles: frozenset[Role]
    os_user: str | None = None
    disabled: bool = False
    limited_to: frozenset[Right] | None = None

    @property
    def rights(self) -> frozenset[Right]:
        """What the person may do: the rights of all roles, as far as they are not limited."""
        rights = frozenset(right for role in self.roles for right in RIGHTS[role])
        return rights if self.limited_to is None else rights & self.limited_to

    def may(self, right: Right) -> bool:
        """Whether one of the roles has a right, and no limit takes it away."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Check that the person has a right.

        Raises:
            PersonRefused: names the right, the person's roles and those that have it.
        """
        if not self.may(right):
            roles = ", ".join(sorted(self.roles))
            fitting = ", ".join(role for role in Role if right in RIGHTS[role])
            raise PersonRefused(
                f"{self.name} ({roles}) may not {right}; roles that may: {fitting}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something: the person it is done for, and everyone who takes part.

    Attributes:
        person: in whose name it is done.
        acting: who does it; the same person unless an administrator acts for another.
        others: further people that the operating-system user stands for.
    """

    person: Person
    acting: Person
    others: tuple[Person, ...] = ()

    @property
    def people(self) -> tuple[Person, ...]:
        """The person and the one who acts, each once."""
        return (self.person,) if self.person == self.acting else (self.person, self.acting)

    @property
    def eyes(self) -> frozenset[str]:
        """What tells whether two steps were done by two people, see ``eyes_of``."""
        return eyes_of(self.people, session_of=self.others)

    def require(self, right: Right) -> None:
        """Check that the person has a right.

        Raises:
            PersonRefused: names the right, the person's roles and those that have it.
        """
        self.person.require(right)


def eyes_of(people: Sequence[Person], *, session_of: Sequence[Person] = ()) -> frozenset[str]:
    """The accounts and operating-system users behind a step, as text.

    The database builds the same texts (``eyes_of`` in storage/schema/people.sql).

    Args:
        people: who takes the step.
        session_of: whom the operating-system user of the process stands for; their texts begin
            with ``via``.
    """
    eyes, session = _accounts(people), _accounts(session_of)
    return frozenset(eyes | {f"{_VIA}{eye}" for eye in session - eyes})


def are_two_people(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether two steps were done by two people.

    They share no account and no operating-system user, and neither was taken in the session of
    somebody who took the other. Two people with tokens may share a session of a third.
    """
    mine, theirs = _takers(first), _takers(second)
    return mine.isdisjoint(_everyone(second)) and theirs.isdisjoint(_everyone(first))


def normalized_name(text: str) -> str:
    """A name as it is stored: NFKC, case-folded, trimmed, single blanks.

    Raises:
        Malformed: it is empty or too long, has a character that does not print, or mixes
            letters of several scripts.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    name = " ".join(folded.split())
    if not name:
        raise Malformed("name", "a name is expected")
    if len(name) > NAME_LENGTH_MAX:
        raise Malformed("name", f"a name of at most {NAME_LENGTH_MAX} characters is expected")
    if not all(map(_is_visible, name)):
        raise Malformed("name", "a name without invisible characters is expected")
    scripts = {_script(letter) for letter in name if unicodedata.category(letter)[0] == "L"}
    if len(scripts) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER):
        raise Malformed(
            "name", f"letters of one script are expected, not {', '.join(sorted(scripts))}"
        )
    return name


def skeleton_of(name: str) -> str:
    """A normalised name with every lookalike as its Latin letter; alike names share it."""
    decomposed = unicodedata.normalize("NFD", name.translate(_LOOKALIKES))
    return decomposed.replace(" ", "")


def actor_for(
    by: str | None,
    *,
    os_user: str,
    by_token: Person | None,
    by_os_user: Sequence[Person],
    named: Person | None,
) -> Actor:
    """Find out who acts.

    Args:
        by: the name given with ``--by``, as typed; None: nobody is named.
        os_user: the operating-system user of the process.
        by_token: the owner of the personal token, if one is presented.
        by_os_user: the people registered for the operating-system user, oldest first.
        named: the person called ``by``, if there is one.

    Raises:
        Malformed: nobody is known by token or operating-system user.
        PersonRefused: somebody is unknown or disabled, or names another without being an
            administrator.
    """
    enabled = [person for person in by_os_user if not person.disabled]
    acting = by_token or next(iter(enabled or by_os_user), None)
    if acting is None:
        raise Malformed(
            f"operating-system user {os_user}",
            "nobody is registered for it: an administrator runs"
            f" `tieout user add NAME --os-user {os_user}`, or set TIEOUT_TOKEN",
        )
    if by is not None and named is None:
        raise PersonRefused(f"nobody is registered as {by!r}; `tieout user list` shows who is")
    person = named or acting
    for participant in (acting, person):
        if participant.disabled:
            raise PersonRefused(f"{participant.name} is disabled")
    own = {acting.person_id, *(account.person_id for account in by_os_user)}
    if person.person_id not in own and Role.ADMIN not in acting.roles:
        raise PersonRefused(
            f"{acting.name} may not act for {person.name}: only an administrator may"
        )
    return Actor(person=person, acting=acting, others=tuple(by_os_user))


def _accounts(people: Sequence[Person]) -> set[str]:
    accounts = {f"person:{person.person_id}" for person in people}
    return accounts | {f"os:{person.os_user}" for person in people if person.os_user}


def _takers(eyes: frozenset[str]) -> set[str]:
    return {eye for eye in eyes if not eye.startswith(_VIA)}


def _everyone(eyes: frozenset[str]) -> set[str]:
    return {eye.removeprefix(_VIA) for eye in eyes}


def _is_visible(character: str) -> bool:
    code = ord(character)
    return character.isprintable() and not any(
        first <= code <= last for first, last in _INVISIBLE
    )


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNNAMED").split(" ", 1)[0]
