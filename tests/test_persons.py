"""Tests of the encoded persons that the service keeps in memory."""

import time
from types import SimpleNamespace

import pytest

from fitroom.serve.persons import Persons
from fitroom.serve.problems import Refusal


def person(megabytes):
    return SimpleNamespace(nbytes=int(megabytes * 2**20))


def test_token_returns_its_person_until_it_is_removed():
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


def test_least_recently_used_person_is_evicted():
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


def test_persons_expire_after_the_time_limit():
    persons = Persons(3, 0.05 / 60)
    token = persons.add(person(1))
    assert persons.expire() == 2**20
    time.sleep(0.06)
    assert persons.expire() == 0
    with pytest.raises(Refusal):
        persons.get(token)
