"""Connections for what a person does: the database learns who acts, and marks its rows."""

from sqlalchemy import Engine

from console.config import Console
from storage.people import act_as
from vocabulary.people import Actor, Person


def actor_of(person: Person) -> Actor:
    """The person of a session, who acts for nobody else."""
    return Actor(person=person, acting=person)


def writers_for(console: Console, person: Person) -> Engine:
    """The console's connections, with every transaction in the name of a person."""
    engine = console.writers.execution_options()
    act_as(engine, actor_of(person))
    return engine
