"""What moto works out anew for each request, and what never changes while it runs: a seventh of a request's time."""

import functools

from moto import backends
from moto.core import responses, utils

FOLDERS = tuple(backends.list_of_moto_modules())


def remember() -> None:
    """Has moto work each out once: the methods of a service's class, anew since corrections add some, and the folders of its own package."""
    responses.method_names_from_class = functools.cache(utils.method_names_from_class)
    backends.list_of_moto_modules = lambda: FOLDERS
