"""Persons that are kept for a while."""

import time
from types import SimpleNamespace

import pytest

from fitroom.serve.persons import Persons
from fitroom.serve.problems import Refusal


def person(megabytes):
    return SimpleNamespace(nbytes=int(megabytes * 2**20))


def test_a_token_names_one_person():
    persons = Persons(4, 1)
    first, second = person(1), person(1)
    tokens = persons.add(first), persons.add(second)
    assert persons.get(tokens[0]) is first
    assert persons.get(tokens[1]) is second
    persons.remove(tokens[0])
    for missing in (tokens[0], "", "nobody"):
        for act in (persons.get, persons.remove):
            with pytest.raises(Refusal) as refused:
                act(missing)
            assert refused.value.status == 404


def test_those_unused_for_longest_make_room():
    persons = Persons(3, 1)
    tokens = [persons.add(person(1)) for _ in range(3)]
    persons.get(tokens[0])
    persons.add(person(1))
    assert persons.get(tokens[0])
    with pytest.raises(Refusal):
        persons.get(tokens[1])
    assert persons.expire() <= 3 * 2**20
    with pytest.raises(Refusal) as refused:
        persons.add(person(4))
    assert refused.value.status == 413


def test_time_ends_them():
    persons = Persons(3, 0.05 / 60)
    token = persons.add(person(1))
    assert persons.expire() == 2**20
    time.sleep(0.06)
    assert persons.expire() == 0
    with pytest.raises(Refusal):
        persons.get(token)
