"""Connections from settings: adapters, schemes and secrets, and how a mistake in them is said."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dataflows.ingest.connections import files_of, hooks_of, shared
from dataflows.settings import Settings, SettingsError, load_settings, render_settings
from sources.gateway.request import Request

if TYPE_CHECKING:
    from sources.gateway.hooks import Hook

ENVIRONMENT = {"ONE": "hush-one", "TWO": "hush-two", "EMPTY": ""}
EVERYTHING = """
state: {dir: x}
gateway:
  output: log
  connections:
    x12_214/acme-1:
      secrets:
        - {env: ONE, until: 2026-05-01T00:00:00Z}
        - {file: SECRET, since: 2026-04-01T00:00:00+02:00}
      scheme: shopify
      tenant: eu
      zone: Europe/Amsterdam
      order_field: L11.PO
      order_is_alias: true
      omit: carrier.*, carrier.scan
      accept_test: true
      rate: 2.5
      max_body_bytes: 1000
    easypost/other: {secrets: {env: TWO}}
"""


def load(folder: Path, text: str) -> Settings:
    """Settings from a file of this content."""
    file = folder / "settings.yaml"
    file.write_text(text.replace("SECRET", str(folder / "secret")), encoding="utf-8")
    return load_settings(file)


def hooks(folder: Path, text: str) -> dict[tuple[str, str], Hook]:
    """Connections from a file of this content."""
    return hooks_of(load(folder, text).gateway, ENVIRONMENT)


def test_a_connection_has_everything_that_is_said_of_it(tmp_path: Path) -> None:
    """Secrets from the environment and from a file, each with its time."""
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    found = hooks(tmp_path, EVERYTHING)
    acme, other = found["x12_214", "acme-1"], found["easypost", "other"]
    assert (acme.name, acme.scheme.name, acme.rate, acme.burst, acme.max_body) == ("acme-1", "shopify", 2.5, 25, 1000)
    connection = acme.connection
    assert (connection.tenant, connection.zone, connection.omit) == ("eu", "Europe/Amsterdam", ("carrier.*", "carrier.scan"))
    assert (connection.order_field, connection.order_is_alias, connection.accept_test) == ("L11.PO", True, True)
    times = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 15, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
    assert [acme.keys(at) for at in times] == [[b"hush-one"], [b"hush-one", b"from a file"], [b"from a file"]]
    assert (other.scheme.name, other.rate, other.max_body, other.keys(times[0])) == ("easypost", None, 2 << 20, [b"hush-two"])


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    """Neither by --check nor by the connections' own representation; where they come from is."""
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    settings = load(tmp_path, EVERYTHING)
    shown = render_settings(settings) + repr(settings) + repr(hooks_of(settings.gateway, ENVIRONMENT))
    assert "env: ONE" in shown
    assert "hush" not in shown
    assert "from a file" not in shown
    assert load_settings(_written(tmp_path, render_settings(settings))) == settings


def _written(folder: Path, text: str) -> Path:
    path = folder / "shown.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_connections_fit_into_an_environment_variable() -> None:
    """As JSON."""
    environment = {
        "ORDERWATCH_STATE__DIR": "x",
        "ORDERWATCH_GATEWAY__CONNECTIONS": '{"easypost/acme": {"secrets": {"env": "ONE"}}}',
    }
    assert list(hooks_of(load_settings(None, environment).gateway, ENVIRONMENT)) == [("easypost", "acme")]


def test_the_files_that_connections_are_made_from_are_known(tmp_path: Path) -> None:
    """To look at them for changes."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("", encoding="utf-8")
    text = f"{{state: {{dir: x}}, gateway: {{connections: {{wms/a: {{mapping: {mapping}, secrets: {{file: SECRET}}}}}}}}}}"
    assert files_of(load(tmp_path, text).gateway) == [mapping, tmp_path / "secret"]


@pytest.mark.parametrize(
    ("connection", "line"),
    [
        ("easypost: {secrets: {env: ONE}}", "settings.yaml:1: gateway.connections: 'easypost' is no connection; write it as system/name"),
        ("a b/c: {secrets: {env: ONE}}", "settings.yaml:1: gateway.connections: 'a b/c' is no connection"),
        ("easypost/a: {}", "settings.yaml:1: gateway.connections.easypost/a.secrets: required"),
        ("easypost/a: {secrets: []}", "settings.yaml:1: gateway.connections.easypost/a.secrets: must not be empty"),
        ("easypost/a: {secrets: [hush]}", "gateway.connections.easypost/a.secrets.0: settings (name: value) are expected here"),
        ("easypost/a: {secrets: {env: ONE, file: x}}", "gateway.connections.easypost/a.secrets.0: a secret has either env or file"),
        ("easypost/a: {secrets: {evn: ONE, env: ONE}}", "easypost/a.secrets.0.evn: no such setting; did you mean env?"),
        ("easypost/a: {secrets: {env: ONE}, sheme: x}", "easypost/a.sheme: no such setting; did you mean scheme?"),
        ("easypost/a: {secrets: {env: ONE}, zone: Nowhere}", "easypost/a.zone: 'Nowhere' is not a time zone of the IANA database"),
        ("easypost/a: {secrets: {env: ONE}, mapping: nowhere}", "gateway.connections.easypost/a.mapping: nowhere: no such file"),
        (
            "easypost/a: {secrets: {env: ONE, since: 2026-05-01T00:00:00Z, until: 2026-05-01T00:00:00Z}}",
            "easypost/a.secrets.0: until is not after since",
        ),
        ("easypost/a: {secrets: {env: THREE}}", "gateway.connections.easypost/a.secrets.0.env: THREE is not set"),
        ("easypost/a: {secrets: {env: EMPTY}}", "gateway.connections.easypost/a.secrets.0: the secret is empty"),
        ("easypost/a: {secrets: {file: SECRET}}", "gateway.connections.easypost/a.secrets.0.file: secret: no such file or directory"),
        ("easypost/a: {secrets: {env: ONE}, scheme: x}", "gateway.connections.easypost/a.scheme: 'x' is none of shopify, stripe, "),
        ("easypost/a: {secrets: {env: ONE}, scheme: adyen}", "easypost/a.secrets.0: the secret is not written in hexadecimal digits"),
        (
            "easypost/a: {secrets: {env: ONE}, scheme: shopfy}",
            "is none of shopify, stripe, easypost, aftership, fedex, usps, adyen, standard, secret, ",
        ),
        ("easypost/a: {secrets: {env: ONE}, scheme: shopfy}", "did you mean shopify?"),
        ("easypost/a: {secrets: {env: ONE}, scheme: square}", "easypost/a.url: required, since square signs it: the whole URL"),
        ("easypost/a: {secrets: {env: ONE}, scheme: square, url: /hooks}", "easypost/a.url: '/hooks' is no URL; write all of it"),
        ("easypost/a: {secrets: {env: ONE}, url: https://x.y/z}", "easypost/a.url: is not signed by easypost, and so of no use"),
        ("easypost/a: {secrets: {env: ONE}, hmac: {}}", "gateway.connections.easypost/a.hmac.header: required"),
        ("easypost/a: {secrets: {env: ONE}, hmac: {header: X, heder: X}}", "easypost/a.hmac.heder: no such setting; did you mean header?"),
        ("easypost/a: {secrets: {env: ONE}, hmac: {header: 'X Y'}}", "easypost/a.hmac.header: string should match pattern"),
        (
            "easypost/a: {secrets: {env: ONE}, hmac: {header: X, digest: md5}}",
            "easypost/a.hmac.digest: 'md5' is none of sha1, sha256, sha512",
        ),
        ("easypost/a: {secrets: {env: ONE}, hmac: {header: X, signed: '{url}'}}", "easypost/a.hmac.signed: {body} is missing"),
        ("easypost/a: {secrets: {env: ONE}, hmac: {header: X, signed: '{url}{body}'}}", "easypost/a.url: required, since hmac signs it"),
        (
            "easypost/a: {secrets: {env: ONE}, hmac: {header: X, key: hex}}",
            "a.secrets.0: the secret is not written in hexadecimal",
        ),
        ("easypost/a: {secrets: {env: ONE}, scheme: secret, hmac: {header: X}}", "easypost/a: scheme and hmac say the same in two ways"),
        ("nobody/a: {secrets: {env: ONE}}", "gateway.connections.nobody/a: no adapter reads nobody; there are "),
    ],
)
def test_a_mistake_is_said_in_one_line(tmp_path: Path, connection: str, line: str) -> None:
    """Which connection, what of it, and never a secret."""
    with pytest.raises(SettingsError) as caught:
        hooks(tmp_path, f"{{state: {{dir: x}}, gateway: {{connections: {{{connection}}}}}}}")
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert line in said
    assert "\n" not in said
    assert "hush" not in said


HMAC = "hmac: {header: X-Acme-Signature, signed: 'v0:{timestamp}:{url}{body}', timestamp_header: X-Time, prefix: v0=, digest: sha512}"


@pytest.mark.parametrize("mapped", [False, True])
def test_hmac_goes_with_an_adapter_and_with_a_mapping(tmp_path: Path, *, mapped: bool) -> None:
    """What is signed holds, by either secret while they change over; what is not, does not."""
    example = Path(__file__).parents[3] / "sources" / "mapping" / "example.yaml"
    system = f"lagermeister/berlin: {{mapping: {example}, " if mapped else "easypost/berlin: {"
    rest = f"secrets: [{{env: ONE}}, {{env: TWO}}], url: 'https://x.y/z', {HMAC}"
    text = f"{{state: {{dir: x}}, gateway: {{connections: {{{system}{rest}}}}}}}}}"
    [hook] = hooks(tmp_path, text).values()
    at = datetime(2026, 5, 1, tzinfo=UTC)
    for secret, fault in (("hush-one", None), ("hush-two", None), ("other", "forged")):
        made = hmac.new(secret.encode(), b"v0:1777593600:https://x.y/z{}", "sha512").hexdigest()
        request = Request({"x-acme-signature": f"v0={made}", "x-time": "1777593600"}, b"", b"{}", at, url=hook.url)
        assert hook.scheme.verify(request, hook.keys(at), at.timestamp()) == fault
    assert hook.scheme.headers == ("x-acme-signature",)


@pytest.mark.parametrize("page", ["sources/README.md", "dataflows/README.md", "docker/gateway/README.md"])
def test_what_the_pages_show_of_hmac_is_taken(tmp_path: Path, page: str) -> None:
    """Every `hmac: {…}` of the documents goes with a connection as it stands there."""
    shown = re.findall(r"hmac: \{[^`\n]*\}", (Path(__file__).parents[3] / page).read_text(encoding="utf-8"))
    assert shown
    for one in shown:
        [hook] = hooks(
            tmp_path, f"{{state: {{dir: x}}, gateway: {{connections: {{easypost/a: {{secrets: {{env: ONE}}, {one}}}}}}}}}"
        ).values()
        assert hook.scheme.name == "hmac"


def test_connections_with_a_secret_in_common_are_told(tmp_path: Path) -> None:
    """Of one system: the URL is not signed, and who sends to one might as well send to the other."""
    text = "{state: {dir: x}, gateway: {connections: {%s}}}"
    one = "easypost/a: {secrets: {env: ONE}}, easypost/b: {secrets: [{env: TWO}, {env: ONE}]}, aftership/c: {secrets: {env: ONE}}"
    assert shared(hooks(tmp_path, text % one)) == ["easypost: a, b share a secret"]
    assert shared(hooks(tmp_path, text % "easypost/a: {secrets: {env: ONE}}, easypost/b: {secrets: {env: TWO}}")) == []


@pytest.mark.parametrize("given", ["10.0.0.0/8, 192.0.2.7", "[10.0.0.0/8, 192.0.2.7]"])
def test_trusted_proxies_are_addresses_and_networks(tmp_path: Path, given: str) -> None:
    """As a list, or as in an environment variable."""
    quoted = given if given.startswith("[") else f"'{given}'"
    found = load(tmp_path, f"{{state: {{dir: x}}, gateway: {{trusted_proxies: {quoted}}}}}").gateway.trusted_proxies
    assert found == (ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"))
    with pytest.raises(SettingsError, match=r"gateway\.trusted_proxies: 'proxy' is no address and no network"):
        load(tmp_path, "{state: {dir: x}, gateway: {trusted_proxies: proxy}}")


def test_a_mapping_stands_in_for_an_adapter(tmp_path: Path) -> None:
    """It shares a secret unless it says otherwise; what is wrong with it is said by line."""
    example = Path(__file__).parents[3] / "sources" / "mapping" / "example.yaml"
    text = f"{{state: {{dir: x}}, gateway: {{connections: {{lagermeister/berlin: {{mapping: {example}, secrets: {{env: ONE}}}}}}}}}}"
    hook = hooks(tmp_path, text)["lagermeister", "berlin"]
    assert (hook.adapter.system, hook.scheme.name, hook.name) == ("lagermeister", "secret", "berlin")
    with pytest.raises(SettingsError, match=r"order_field: goes with an adapter"):
        hooks(tmp_path, text.replace("mapping:", "order_field: order.id, mapping:"))
    broken = tmp_path / "mapping.yaml"
    broken.write_text("name: x\nevnts: []\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"^gateway\.connections\.lagermeister/berlin\.mapping: .*mapping\.yaml:\d+:\d+: "):
        hooks(tmp_path, text.replace(str(example), str(broken)))
