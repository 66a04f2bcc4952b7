"""What tests of executors share: a certificate of an own CA, and a secret in the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.endpoints.harness import SECRET, VARIABLE
from tests.support.endpoints.wire import certificate

if TYPE_CHECKING:
    from pathlib import Path


class OwnCertificate(NamedTuple):
    """The files of an own CA, and of a certificate for `localhost` with its key."""

    ca: str
    chain: tuple[str, str]


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    """Made once."""
    folder: Path = tmp_path_factory.mktemp("certificates")
    ca, leaf, key = certificate(folder)
    return OwnCertificate(str(ca), (str(leaf), str(key)))


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that settings name."""
    monkeypatch.setenv(VARIABLE, SECRET)
