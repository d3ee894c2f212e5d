"""People, their rights, who is asking, tokens, and the search."""

from console.accounts.api_tokens import SCOPES, ApiToken, get_token, tokens_of
from console.api.endpoint import Endpoint, Read, Write
from console.api.models.breaks import NoBody
from console.api.models.others import (
    FindingsJson,
    FindQuery,
    HitJson,
    MeJson,
    PeopleJson,
    PersonJson,
    RightJson,
    TokenJson,
    TokenListJson,
)
from console.config import Visit
from console.pages import tokens
from console.pages.finding import HITS_MAX, search
from console.replies import not_found
from storage.people import people_in
from vocabulary.errors import Malformed
from vocabulary.people import RIGHTS, Person, Right, Role

_NAMES = {right: name for name, right in SCOPES.items()}


def list_people(visit: Visit) -> PeopleJson:
    """Everyone who is registered, and the table of rights."""
    with visit.console.readers.connect() as connection:
        listed = people_in(connection)
    return PeopleJson(
        items=tuple(_person(person) for person in listed),
        rights=tuple(
            RightJson(
                right=str(right),
                scope=name,
                roles=tuple(role for role in Role if right in RIGHTS[role]),
            )
            for name, right in SCOPES.items()
        ),
    )


def show_me(visit: Visit) -> MeJson:
    """Who is asking."""
    session = visit.signed_in
    return MeJson(
        name=session.person.name,
        display_name=session.person.display_name,
        roles=tuple(sorted(session.person.roles)),
        scopes=tuple(sorted(_NAMES[right] for right in session.person.rights)),
        authenticated_by="session" if session.token else "token",
        expires_at=session.expires_at,
    )


def find(visit: Visit) -> FindingsJson:
    """What a text names."""
    findings = search(visit, visit.query["q"], int(visit.query.get("limit", HITS_MAX)))
    return FindingsJson(
        query=findings.query,
        searched=findings.searched,
        hits=tuple(
            HitJson(
                kind=hit.kind,
                id=hit.id,
                provider=hit.provider,
                summary=hit.summary,
                facts=dict(hit.facts),
                next=hit.next,
                exact=hit.exact,
            )
            for hit in findings.hits
        ),
        cut=findings.cut,
        advice=findings.advice,
    )


def list_tokens(visit: Visit) -> TokenListJson:
    """Own tokens; administrators see everybody's."""
    person = visit.signed_in.person
    owner = None if person.may(Right.MANAGE_PEOPLE) else person.name
    with visit.console.writers.connect() as connection:  # the reader does not see tokens
        return TokenListJson(items=tuple(_token(item) for item in tokens_of(connection, owner)))


def show_token(visit: Visit) -> TokenJson:
    """One token, one's own or as an administrator."""
    person, token_id = visit.signed_in.person, visit.path["id"]
    with visit.console.writers.connect() as connection:
        try:
            token = get_token(connection, token_id)
        except Malformed as error:
            raise not_found("token", token_id) from error
    if token.person != person.name and not person.may(Right.MANAGE_PEOPLE):
        raise not_found("token", token_id)
    return _token(token)


def _person(person: Person) -> PersonJson:
    return PersonJson(
        name=person.name,
        display_name=person.display_name,
        roles=tuple(sorted(person.roles)),
        os_user=person.os_user,
        disabled=person.disabled,
    )


def _token(token: ApiToken) -> TokenJson:
    return TokenJson(
        id=token.token_id,
        person=token.person,
        name=token.name,
        scopes=tuple(sorted(_NAMES[right] for right in token.scopes)),
        made_at=token.made_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        revoked_at=token.revoked_at,
        revoked_by=token.revoked_by,
        version="valid" if token.revoked_at is None else "revoked",
    )


_TOKEN = Read(
    path="/tokens/{id}",
    summary="One token, without its secret",
    tag="people",
    right=Right.READ,
    show=show_token,
    answer=TokenJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/me",
        summary="Who is asking, and what they may do",
        tag="people",
        right=Right.READ,
        show=show_me,
        answer=MeJson,
    ),
    Read(
        path="/people",
        summary="Everyone who is registered, and the table of rights",
        tag="people",
        right=Right.READ,
        show=list_people,
        answer=PeopleJson,
    ),
    Read(
        path="/tokens",
        summary="Tokens: one's own, or everybody's for an administrator",
        tag="people",
        right=Right.READ,
        show=list_tokens,
        answer=TokenListJson,
    ),
    _TOKEN,
    Write(
        path="/tokens/{id}/revoke",
        summary="End a token at once",
        tag="people",
        right=Right.READ,
        act=tokens.revoke,
        body=NoBody,
        of=_TOKEN,
        needs_version=False,
    ),
    Read(
        path="/find",
        summary="What an id, a name or an amount belongs to",
        tag="find",
        right=Right.READ,
        show=find,
        answer=FindingsJson,
        query=FindQuery,
    ),
)
