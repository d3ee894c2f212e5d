"""Names of people, their rights, who acts, and when two count as two."""

import pytest

from vocabulary.errors import Malformed
from vocabulary.people import (
    RIGHTS,
    Actor,
    Person,
    PersonRefused,
    Right,
    Role,
    actor_for,
    are_two_people,
    normalized_name,
    skeleton_of,
)

CYRILLIC_A = "\u0430"


def person(
    number: int,
    name: str,
    *roles: Role,
    os_user: str | None = None,
    disabled: bool = False,
) -> Person:
    return Person(
        person_id=number,
        name=name,
        display_name=name,
        roles=frozenset(roles or {Role.FINANCE}),
        os_user=os_user,
        disabled=disabled,
    )


ANA = person(1, "ana", os_user="ana")
ROOT = person(2, "root", Role.ADMIN, os_user="root")
BEN = person(3, "ben", Role.APPROVER)


def acting(
    by: str | None = None,
    *,
    by_token: Person | None = None,
    by_os_user: tuple[Person, ...] = (),
    named: Person | None = None,
) -> Actor:
    return actor_for(by, os_user="x", by_token=by_token, by_os_user=by_os_user, named=named)


@pytest.mark.parametrize(
    "text",
    [" ana", "ana ", "ANA", "Ana", "\tana\n", "\uff21\uff4e\uff41", "\u00a0ana"],
    ids=["before", "after", "upper", "mixed", "tabs", "full width", "no-break blank"],
)
def test_blanks_case_and_width_make_no_other_person(text: str) -> None:
    assert normalized_name(text) == "ana"


def test_blanks_within_a_name_are_one() -> None:
    assert normalized_name("Ana  Maria\u2003Lima") == "ana maria lima"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a name is expected"),
        (" \t", "a name is expected"),
        ("a" * 65, "at most 64 characters"),
        ("an\u200ba", "invisible"),
        ("ana\u202e", "invisible"),
        ("ana\ufe0f", "invisible"),
        ("an\u034fa", "invisible"),
        ("ana\u2800", "invisible"),
        (f"an{CYRILLIC_A}", "letters of one script are expected, not CYRILLIC, LATIN"),
        ("\u03b1na", "not GREEK, LATIN"),
    ],
)
def test_a_text_that_is_no_name_is_refused(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        normalized_name(text)


def test_japanese_and_korean_names_use_their_scripts_together() -> None:
    assert normalized_name("\u5c71\u7530\u306e\u308a\u30b3") == "\u5c71\u7530\u306e\u308a\u30b3"


@pytest.mark.parametrize(
    ("name", "alike"),
    [("cop", "\u0441\u043e\u0440"), ("ana lima", "analima"), ("paul", "pau1"), ("o", "\u03bf")],
)
def test_names_that_look_the_same_share_a_skeleton(name: str, alike: str) -> None:
    assert skeleton_of(normalized_name(name)) == skeleton_of(normalized_name(alike))


def test_an_accent_makes_another_name() -> None:
    assert skeleton_of("jose") != skeleton_of("jos\u00e9")


def test_every_right_belongs_to_the_administrator_and_to_another_role() -> None:
    assert RIGHTS[Role.ADMIN] == frozenset(Right)
    others = frozenset().union(*(RIGHTS[role] for role in Role if role is not Role.ADMIN))
    assert frozenset(Right) - others == {Right.MANAGE_PEOPLE}
    assert RIGHTS.keys() == set(Role)


def test_finance_proposes_and_prepares_and_only_an_approver_decides_and_signs() -> None:
    decisions = {Right.DECIDE, Right.SIGN_DAYS, Right.REOPEN_DAYS}
    assert not decisions & RIGHTS[Role.FINANCE]
    assert decisions <= RIGHTS[Role.APPROVER]
    assert not (decisions | {Right.PROPOSE, Right.WRITE_OFF}) & RIGHTS[Role.OPS]
    assert RIGHTS[Role.VIEWER] == {Right.READ}
    disputing = {role for role in Role if Right.DISPUTE in RIGHTS[role]}
    assert disputing == {Role.FINANCE, Role.APPROVER, Role.ADMIN}


def test_a_missing_right_is_named_with_the_roles_that_have_it() -> None:
    actor = Actor(person=ANA, acting=ANA)

    actor.require(Right.PROPOSE)
    with pytest.raises(
        PersonRefused,
        match=r"ana \(finance\) may not sign days; roles that may: approver, admin",
    ):
        actor.require(Right.SIGN_DAYS)


def test_the_operating_system_user_says_who_acts() -> None:
    assert acting(by_os_user=(ANA,)) == Actor(person=ANA, acting=ANA, others=(ANA,))


def test_a_token_comes_before_the_operating_system_user() -> None:
    actor = acting(by_token=BEN, by_os_user=(ANA,))

    assert (actor.person, actor.acting) == (BEN, BEN)
    assert actor.people == (BEN,)
    assert actor.eyes == {"person:3", "via person:1", "via os:ana"}


def test_nobody_acts_without_being_registered() -> None:
    with pytest.raises(
        Malformed, match=r"^operating-system user [a-z]+: nobody is registered for it"
    ):
        acting("ana", named=ANA)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(PersonRefused, match="nobody is registered as 'anna'"):
        acting("anna", by_os_user=(ROOT,))


def test_naming_oneself_is_no_acting_for_another() -> None:
    actor = acting("ana", by_os_user=(ANA,), named=ANA)

    assert (actor.person, actor.acting) == (ANA, ANA)


def test_an_administrator_acts_for_another_and_both_take_part() -> None:
    actor = acting("ana", by_os_user=(ROOT,), named=ANA)

    assert (actor.person, actor.acting) == (ANA, ROOT)
    assert {one.name for one in actor.people} == {"ana", "root"}


def test_nobody_else_acts_for_another() -> None:
    with pytest.raises(PersonRefused, match="ana may not act for ben: only an administrator"):
        acting("ben", by_os_user=(ANA,), named=BEN)


def test_the_administrator_uses_the_rights_of_the_person_acted_for() -> None:
    with pytest.raises(PersonRefused, match="ana"):
        acting("ana", by_os_user=(ROOT,), named=ANA).require(Right.DECIDE)


@pytest.mark.parametrize("named", [None, person(4, "left", disabled=True)])
def test_a_disabled_person_neither_acts_nor_is_acted_for(named: Person | None) -> None:
    who = ROOT if named else person(4, "left", disabled=True)
    with pytest.raises(PersonRefused, match="left is disabled"):
        acting(None if named is None else named.name, by_os_user=(who,), named=named)


def test_two_accounts_of_one_operating_system_user_are_one_person() -> None:
    second = person(5, "ana two", Role.APPROVER, os_user="ana")
    first, other = (
        acting(by_os_user=(ANA, second)),
        acting("ana two", by_token=second, named=second),
    )

    assert not are_two_people(first.eyes, other.eyes)


def test_a_borrowed_token_does_not_hide_who_uses_it() -> None:
    own, borrowed = acting(by_os_user=(ANA,)), acting(by_token=BEN, by_os_user=(ANA,))

    assert not are_two_people(own.eyes, borrowed.eyes)


def test_two_people_with_tokens_may_share_the_session_of_a_third() -> None:
    """In containers everybody works as root."""
    cleo = person(6, "cleo")
    first, second = (acting(by_token=who, by_os_user=(ROOT,)) for who in (BEN, cleo))

    assert are_two_people(first.eyes, second.eyes)
    assert not are_two_people(first.eyes, acting(by_os_user=(ROOT,)).eyes)


def test_one_administrator_acting_for_two_people_is_one_person() -> None:
    for_ana = acting("ana", by_os_user=(ROOT,), named=ANA)
    for_ben = acting("ben", by_os_user=(ROOT,), named=BEN)

    assert not are_two_people(for_ana.eyes, for_ben.eyes)


def test_two_people_are_two() -> None:
    assert are_two_people(acting(by_os_user=(ANA,)).eyes, acting(by_token=BEN).eyes)
