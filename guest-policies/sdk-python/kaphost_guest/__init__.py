"""The SDK for kaphost's policies in Python: pure functions on plain data.

A policy is a module `policy.py` with the classes that its world exports: `Metadata`, and `Validating`, `Mutating` or both. Everything that
crosses the boundary is a dataclass of the contract, `wit/policy.wit`, which says what each field means; all of them can be imported from here.

Here are, beside them: settings that describe themselves (`setting`), paths of keyed lists (`key`), a cluster with reasons (`Amendment`), and
`answers`, which stands before the methods that the host calls.

There is no clock, no randomness, no file, no network and no environment, and `log` is the only way out. What a policy imports is imported when
the component is built, and frozen with it.
"""

import json
from functools import wraps

from wit_world.imports import logging as _logging
from wit_world.imports.types import *  # noqa: F403  Every type of the contract.
from wit_world.imports.types import (
    Amended,
    Change,
    Cluster,
    Description,
    Err,
    SettingKind_Boolean,
    SettingKind_Integer,
    SettingKind_Text,
    SettingKind_Texts,
    SettingSchema,
    SettingValue_Boolean,
    SettingValue_Integer,
    SettingValue_Text,
    SettingValue_Texts,
    Violation,
)

Level = _logging.Level

#: The rule of settings that cannot be understood, where a policy has such.
SETTINGS = "settings"


def log(level, message):
    """Says something to whoever runs kaphost with `--verbose`. Never changes the decision."""
    _logging.log(level, message)


def key(path, name):
    """The path of one entry of a keyed list: `key("tag", "Owner")` is `tag["Owner"]`."""
    return f"{path}[{json.dumps(name, ensure_ascii=False)}]"


def violation(rule, path, message, help=None):
    """A rule that the cluster breaks: `message` says what is wrong with the value at `path`, `help` what to do, a sentence each."""
    return Violation(rule, path, message, help)


class Settings:
    """The settings of a call, by name. The host has checked them, and has filled in every default."""

    def __init__(self, settings):
        self._values = {setting.name: setting.value.value for setting in settings}

    def __getitem__(self, declared):
        """The value of a declared setting, in the type that it was declared with."""
        return self._values[declared.name]


class _Declared:
    """A setting of a policy: describes itself as `schema`, and is read as `settings[IT]`."""

    def __init__(self, name, kind, default, doc):
        self.name = name
        self.schema = SettingSchema(name, kind, default, doc)


class setting:
    """Settings that describe themselves. One without a default is required. `doc` is one sentence."""

    @staticmethod
    def boolean(name, default, doc):
        """True or false."""
        return _Declared(name, SettingKind_Boolean(), None if default is None else SettingValue_Boolean(default), doc)

    @staticmethod
    def integer(name, least, most, default, doc):
        """A whole number, from `least` to `most`."""
        return _Declared(name, SettingKind_Integer((least, most)), None if default is None else SettingValue_Integer(default), doc)

    @staticmethod
    def text(name, default, doc):
        """A text."""
        return _Declared(name, SettingKind_Text(), None if default is None else SettingValue_Text(default), doc)

    @staticmethod
    def texts(name, default, doc):
        """Several texts, in order."""
        return _Declared(name, SettingKind_Texts(), None if default is None else SettingValue_Texts(list(default)), doc)


def description(name, version, summary, rules, settings=(), needs=()):
    """What a policy says of itself: its rules, its declared settings, and the facts without which it cannot answer."""
    return Description(name, version, summary, list(rules), [declared.schema for declared in settings], list(needs))


class Amendment:
    """A cluster that is being rewritten, with a reason for every change.

    Change `amendment.cluster` in place and say why; what `done` gives is the answer. Called on its own answer, a policy must give that answer.
    """

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self._changes = []

    def because(self, rule, path, reason):
        """Says why the value at `path` was changed. A prefix stands for all that lies below it."""
        self._changes.append(Change(rule, path, reason))

    def done(self):
        """The answer."""
        return Amended(self.cluster, self._changes)


def answers(method):
    """For a method that the host calls, `validate` or `mutate`: hands it `Settings` in place of a list of them.

    An exception is a failure of the policy, never a pass and never a denial: its words and its place are logged first, for there is no standard
    error to read them from. `Err` is none in this sense: a mutator raises it, with a list of violations, to refuse.
    """

    @wraps(method)
    def called(self, cluster, facts, settings):
        try:
            return method(self, cluster, facts, Settings(settings))
        except Err:
            raise
        except Exception as error:
            _logging.log(Level.ERROR, _words(error))
            raise

    return called


def _words(error):
    # By hand: the library's own way reads the source's file, and there is none.
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    place = code.co_filename.rsplit("/", 1)[-1]
    return f"{type(error).__name__}: {error} ({place}:{trace.tb_lineno}, in {code.co_name})"
