"""Apache Kafka with a second door: encrypted, and open to whoever knows the password."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType

from tests.support.kafka.base import Unavailable
from tests.support.kafka.maven import MavenKafka
from tests.support.kafka.process import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USER, PASSWORD = "orderwatch", "a secret with ' and ="
OTHER = "shop"
"""Another user, with the same password."""


class SecuredKafka(MavenKafka):
    """A node with a SASL_SSL listener besides the plain one; `secured` is its address, `authority` the certificate that vouches for it.

    Raises:
        Unavailable: besides what `MavenKafka` raises it for, openssl is not installed.
    """

    def _prepare(self) -> None:
        super()._prepare()
        self.secured = f"localhost:{free_port()}"
        key, self.authority = self.home / "key.pem", self.home / "certificate.pem"
        openssl = shutil.which("openssl")
        if openssl is None:
            raise Unavailable("openssl is not installed")
        request = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
        request += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(self.authority)]
        subprocess.run(request, capture_output=True, check=True)
        both = self.home / "both.pem"
        both.write_text(key.read_text() + self.authority.read_text())
        lines = self._properties.read_text().splitlines()
        found = dict(line.split("=", 1) for line in lines)
        secured = self.secured.replace("localhost", HOST)
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        found |= {
            "listeners": f"{found['listeners']},SECURED://{secured}",
            "advertised.listeners": f"{found['advertised.listeners']},SECURED://{self.secured}",
            "listener.security.protocol.map": f"{found['listener.security.protocol.map']},SECURED:SASL_SSL",
            "listener.name.secured.ssl.keystore.type": "PEM",
            "listener.name.secured.ssl.keystore.location": str(both),
            "listener.name.secured.sasl.enabled.mechanisms": "PLAIN",
            # What no rule speaks of is open to everybody.
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "true",
            "listener.name.secured.plain.sasl.jaas.config": f'{plain} user_{USER}="{PASSWORD}" user_{OTHER}="{PASSWORD}";',
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in found.items()))


def read_only(broker: SecuredKafka, topic: str) -> None:
    """Lets the user read a topic, and do nothing else with it."""
    may = [AclOperation.READ, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS]
    rules = [
        AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{USER}", "*", each, AclPermissionType.ALLOW)
        for each in may
    ]
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    # The library leaves part of the signature open.
    for done in client.create_acls(rules).values():  # pyright: ignore[reportUnknownMemberType]
        done.result(30)


def acls(broker: SecuredKafka, arguments: Sequence[str]) -> str:
    """What Kafka's own `kafka-acls.sh` says, from the jars."""
    command = [*broker.java, "kafka.admin.AclCommand", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def foreign(home: Path) -> Path:
    """A certificate that vouches for nobody here."""
    path = home / "foreign.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=elsewhere"]
    subprocess.run([*request, "-keyout", str(home / "foreign.key"), "-out", str(path)], capture_output=True, check=True)
    return path
