"""Settings: where they come from, which of them wins, and how a bad one is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataflows.settings import Settings, SettingsError, load_settings, render_settings
from dataflows.settings.load import setting_fields, variable
from dataflows.settings.values import reached

STATE = {"ORDERWATCH_STATE__DIR": "state"}
EVERYTHING = """
kafka:
  brokers: [a:9092, "[::1]:9093"]
  protocol: sasl_ssl
  sasl_mechanism: SCRAM-SHA-512
  sasl_username: orderwatch
  sasl_password: from-the-file
  options: {fetch.min.bytes: 10, ssl.keystore.password: hidden}
inputs:
  topics: [scans, orders]
  until: 2026-04-24T14:02:00+02:00
state:
  dir: here
log:
"""


def load(folder: Path, text: str = "", **environment: str) -> Settings:
    """Loads settings from a file of this content and these environment variables."""
    file = folder / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, STATE | environment)


def refusal(folder: Path, text: str = "", **environment: str) -> str:
    """How settings are refused, without the folder."""
    with pytest.raises(SettingsError) as caught:
        load(folder, text, **environment)
    return str(caught.value).replace(f"{folder}/", "")


def test_only_the_state_directory_must_be_given() -> None:
    """All else has a default that works with a broker on this host."""
    settings = load_settings(None, STATE)
    assert settings.state.dir == Path("state")
    assert settings.kafka.brokers == ("localhost:9092",)
    with pytest.raises(SettingsError, match=r"^state\.dir: required; set it in the settings file or as ORDERWATCH_STATE__DIR$"):
        load_settings(None, {})


def test_a_file_sets_everything_and_an_empty_section_nothing(tmp_path: Path) -> None:
    """Lists, mappings, instants with their zone, and secrets are read; `log:` alone is no mistake."""
    file = tmp_path / "settings.yaml"
    file.write_text(EVERYTHING, encoding="utf-8")
    settings = load_settings(file)
    assert settings.inputs.topics == ("scans", "orders")
    assert settings.inputs.until_us == 1_777_032_120_000_000
    assert settings.log.level == "info"
    assert settings.kafka.client() == {
        "bootstrap.servers": "a:9092,[::1]:9093",
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "orderwatch",
        "sasl.password": "from-the-file",
        "fetch.min.bytes": "10",
        "ssl.keystore.password": "hidden",
    }


def test_the_environment_beats_the_file_and_an_option_beats_both(tmp_path: Path) -> None:
    """Setting by setting: what the stronger one leaves out holds as the weaker one says."""
    file = tmp_path / "settings.yaml"
    file.write_text("{state: {dir: a, epoch_seconds: 0.7}, http: {port: 1}, cluster: {processes: 2}}", encoding="utf-8")
    environment = {"ORDERWATCH_STATE__DIR": "b", "ORDERWATCH_HTTP__PORT": "2", "orderwatch_log__level": "debug"}
    settings = load_settings(file, environment, {"--state": (("state", "dir"), Path("c"))})
    assert (settings.state.dir, settings.state.epoch_seconds) == (Path("c"), 0.7)
    assert (settings.http.port, settings.cluster.processes, settings.log.level) == (2, 2, "debug")


def test_lists_and_mappings_fit_into_an_environment_variable() -> None:
    """Commas part a list, semicolons addresses too; a mapping is JSON or name=value."""
    environment = STATE | {
        "ORDERWATCH_KAFKA__BROKERS": "a:1, b:2",
        "ORDERWATCH_KAFKA__OPTIONS": '{"fetch.min.bytes": "1"}',
        "ORDERWATCH_CLUSTER__ADDRESSES": "x:1;y:2",
        "ORDERWATCH_CLUSTER__PROCESS_ID": "1",
    }
    settings = load_settings(None, environment)
    assert settings.kafka.brokers == ("a:1", "b:2")
    assert settings.kafka.options == {"fetch.min.bytes": "1"}
    assert settings.cluster.addresses == ("x:1", "y:2")
    assert load_settings(None, STATE | {"ORDERWATCH_KAFKA__OPTIONS": "a=b, c = d"}).kafka.options == {"a": "b", "c": "d"}


def test_variables_that_only_begin_like_ours_are_left_alone() -> None:
    """Kubernetes gives such variables to every container beside a service called orderwatch; tests and tools have theirs."""
    load_settings(None, STATE | {"ORDERWATCH_PORT": "tcp://10.0.0.1:80", "ORDERWATCH_KAFKA": "a:1", "ORDERWATCH_DEBUG": "1"})


def test_a_secret_can_lie_in_a_file(tmp_path: Path) -> None:
    """As secrets are mounted: the file's content without its last line break, from a variable or from the settings file."""
    secret = tmp_path / "password"
    secret.write_text("s3cret\n", encoding="utf-8")
    sasl = {"ORDERWATCH_KAFKA__PROTOCOL": "sasl_ssl", "ORDERWATCH_KAFKA__SASL_MECHANISM": "PLAIN", "ORDERWATCH_KAFKA__SASL_USERNAME": "u"}
    environment = STATE | sasl | {"ORDERWATCH_KAFKA__SASL_PASSWORD_FILE": str(secret)}
    assert load_settings(None, environment).kafka.client()["sasl.password"] == "s3cret"
    assert load(tmp_path, f"kafka: {{sasl_password_file: {secret}}}", **sasl).kafka.client()["sasl.password"] == "s3cret"
    secret.unlink()
    assert refusal(tmp_path, f"kafka: {{sasl_password_file: {secret}}}", **sasl) == (
        "settings.yaml:1: kafka.sasl_password_file: password: no such file or directory"
    )


def test_secrets_are_masked_wherever_settings_are_written_out(tmp_path: Path) -> None:
    """In what --check prints, and in the settings' own representation."""
    settings = load(tmp_path, EVERYTHING)
    for text in (render_settings(settings), repr(settings)):
        assert "from-the-file" not in text
    assert "hidden" not in render_settings(settings)
    assert "ssl.keystore.password: '**********'" in render_settings(settings)


def test_what_is_written_out_can_be_read_back(tmp_path: Path) -> None:
    """The effective settings are a settings file."""
    settings = load(tmp_path, "{kafka: {brokers: 'x:1'}, inputs: {speed: 2}, cluster: {processes: 3}}")
    assert load(tmp_path, render_settings(settings)) == settings


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("kafka: {brokrs: x}", "settings.yaml:1: kafka.brokrs: no such setting; did you mean kafka.brokers?"),
        ("\nkafk: {brokers: x}", "settings.yaml:2: kafk.brokers: no such setting; did you mean kafka.brokers?"),
        ("polcy: x", "settings.yaml:1: polcy: no such setting; did you mean policy?"),
        ("kafka: [1]", "settings.yaml:1: kafka: settings (name: value) are expected here"),
        ("kafka:\n  brokers: nope", "settings.yaml:2: kafka.brokers: 'nope' is no address; write it as host:port"),
        ("kafka: {brokers: 'a:0'}", "settings.yaml:1: kafka.brokers: 'a:0' is no address; write it as host:port"),
        (
            "kafka: {protocol: ssll}",
            "settings.yaml:1: kafka.protocol: 'ssll' is none of plaintext, ssl, sasl_plaintext, sasl_ssl; did you mean ssl?",
        ),
        ("kafka: {protocol: sasl_ssl}", "kafka: protocol sasl_ssl needs a sasl_mechanism"),
        ("kafka: {sasl_mechanism: PLAIN}", "kafka: protocol plaintext has no sasl_mechanism"),
        (
            "kafka: {protocol: sasl_ssl, sasl_mechanism: PLAIN, sasl_username: u}",
            "kafka: sasl_mechanism PLAIN needs sasl_username and sasl_password",
        ),
        ("kafka: {protocol: ssl, ca_file: nowhere.pem}", "settings.yaml:1: kafka.ca_file: nowhere.pem: no such file"),
        ("kafka: {options: {group.id: x}}", "settings.yaml:1: kafka.options: group.id cannot be set: the engine sets it itself"),
        ("kafka: {options: [a]}", "settings.yaml:1: kafka.options: settings (name: value) are expected here"),
        ("inputs: {batch: many}", "settings.yaml:1: inputs.batch: input should be a valid integer, unable to parse string as an integer"),
        ("inputs: {topics: []}", "settings.yaml:1: inputs.topics: must not be empty"),
        ("inputs: {topics: [a, a]}", "settings.yaml:1: inputs.topics: named twice: a"),
        ("inputs: {topics: order-actions}", "settings: order-actions is both read and written"),
        ("inputs: {until: 2026-04-24T14:02:00}", "settings.yaml:1: inputs.until: input should have timezone info"),
        ("outputs: {kind: files}", "outputs: kind files needs a folder"),
        ("outputs: {folder: x}", "outputs: kind kafka writes no files: leave out folder"),
        (
            "outputs: {kind: files, folder: x, rejects: r, partitions: 3}",
            "outputs: kind files writes no topics: leave out rejects, partitions",
        ),
        ("kafka: {sasl_username: x}", "kafka: protocol plaintext has no SASL: leave out sasl_username"),
        ("kafka: {key_password: x}", "kafka: there is no key_file: leave out key_password"),
        ("gateway: {output: log, topic: x}", "gateway: output log writes no topic: leave out topic"),
        ("gateway: {log_file_bytes: 2000000}", "gateway: output kafka writes no log: leave out log_file_bytes"),
        (
            "{embedded: {dir: x}, kafka: {brokers: [b:9092]}}",
            "settings: an installation in a data directory (embedded.dir, `orderwatch up`) has no Kafka: leave out kafka.brokers",
        ),
        (
            "{outputs: {kind: files, folder: x}, cluster: {processes: 2}}",
            "settings: outputs.kind files is for one process; cluster has more",
        ),
        (
            "{state: {epoch_seconds: 7}, cluster: {processes: 2}}",
            "settings: state.epoch_seconds is at most 1 in a cluster, not 7",
        ),
        ("cluster: {process_id: 1}", "cluster: process_id and addresses go together: one of them is missing"),
        (
            "cluster: {process_id: 2, addresses: ['a:1', 'b:2']}",
            "cluster: process_id 2 is not one of 2 addresses (they count from 0)",
        ),
        ("log: {level: INFO}", "settings.yaml:1: log.level: 'INFO' is none of debug, info, warning, error; did you mean info?"),
        (
            "http: {port: 0x, hst: x}",
            (
                "settings.yaml:1: http.hst: no such setting; did you mean http.host?; "
                "settings.yaml:1: http.port: input should be a valid integer, unable to parse string as an integer"
            ),
        ),
        ("state: {dir: }", "settings.yaml:1: state.dir: a path is expected here"),
        ("kafka: [", "settings.yaml:1: not valid YAML: expected the node content, but found '<stream end>'"),
        ("http: {port: 1, port: 2}", "settings.yaml:1: http.port: the key occurs twice; it was set in line 1"),
        ("just text", "settings.yaml:1: a mapping (section: ...) is expected here"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    """Which name, in which line, what is wrong with it, and what was probably meant."""
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    environment = {} if text.startswith("state") else STATE
    with pytest.raises(SettingsError) as caught:
        load_settings(file, environment)
    assert str(caught.value).replace(f"{tmp_path}/", "") == line


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"ORDERWATCH_KAFKA__BROKRS": "x"}, "ORDERWATCH_KAFKA__BROKRS: no such setting; did you mean ORDERWATCH_KAFKA__BROKERS?"),
        ({"ORDERWATCH_KAFK__BROKERS": "x"}, "ORDERWATCH_KAFK__BROKERS: no such setting; did you mean ORDERWATCH_KAFKA__BROKERS?"),
        ({"ORDERWATCH_HTTP__PORT": "-1"}, "ORDERWATCH_HTTP__PORT: input should be greater than or equal to 0"),
        ({"ORDERWATCH_KAFKA__OPTIONS": "{x"}, "ORDERWATCH_KAFKA__OPTIONS: not JSON: Expecting property name enclosed in double quotes"),
        ({"ORDERWATCH_KAFKA__OPTIONS": "x"}, "ORDERWATCH_KAFKA__OPTIONS: write it as name=value,name=value or as a JSON object"),
        ({"ORDERWATCH_POLICY": "nowhere.yaml"}, "ORDERWATCH_POLICY: nowhere.yaml: no such file"),
    ],
)
def test_a_bad_variable_is_refused_by_its_own_name(tmp_path: Path, variables: dict[str, str], line: str) -> None:
    """Not by that of the setting, which the user may never have seen."""
    assert refusal(tmp_path, **variables) == line


def test_a_refusal_never_shows_a_secret(tmp_path: Path) -> None:
    """Whatever is wrong beside it."""
    password = "kafka: {protocol: sasl_ssl, sasl_mechanism: PLAIN, sasl_password: topsecret, nonsense: 1}"
    assert "topsecret" not in refusal(tmp_path, password)
    assert "topsecret" not in refusal(tmp_path, "kafka: {sasl_password: [topsecret]}")


def test_every_setting_is_described_and_has_a_variable_of_its_own() -> None:
    """The generated table has a meaning for each, and no two share a name."""
    fields = setting_fields()
    assert len({variable(at) for at in fields}) == len(fields)
    for at, field in fields.items():
        assert field.description, at


def test_the_example_of_the_documents_is_valid(tmp_path: Path) -> None:
    """With files at the places that it names."""
    document = (Path(__file__).parents[3] / "dataflows/README.md").read_text(encoding="utf-8")
    example = document.split("```yaml\n# orderwatch.yaml\n")[1].split("```")[0]
    for path in re.findall(r"/(?:etc|run)/\S+", example):
        (tmp_path / Path(path).name).write_text("x", encoding="utf-8")
        example = example.replace(path, str(tmp_path / Path(path).name))
    file = tmp_path / "settings.yaml"
    file.write_text(example, encoding="utf-8")
    assert load_settings(file).kafka.client()["sasl.password"] == "x"


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("127.0.0.1", "127.0.0.1:80"), ("0.0.0.0", "127.0.0.1:80"), ("::", "127.0.0.1:80"), ("::1", "[::1]:80"), ("shop", "shop:80")],
)
def test_what_listens_here_is_reached_by_an_address_that_can_be_called(host: str, wanted: str) -> None:
    """An address of IPv6 stands in brackets in a URL."""
    assert reached(host, 80) == wanted
