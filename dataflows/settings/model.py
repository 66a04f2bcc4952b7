"""Every setting, of the live engine and the gateway, with its default and its meaning. The tables in the documents come from here."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from dataflows.settings.client import ClientSettings
from dataflows.settings.console import ConsoleSettings
from dataflows.settings.dispatch import DispatchSettings
from dataflows.settings.embedded import EmbeddedSettings
from dataflows.settings.gateway import GatewaySettings
from dataflows.settings.store import StoreSettings
from dataflows.settings.values import Addresses, Brokers, Options, Part, Port, Section, Topic, Topics, distinct
from schemas.deciding import decides
from schemas.instants import EPOCH

PREFIX = "ORDERWATCH_"
"""What the name of every environment variable begins with."""
CLUSTER_EPOCH_S = 1.0
"""The longest epoch of a cluster: within one, nothing keeps a fast process from flooding the others (measured on Bytewax 0.21)."""
BETWEEN = "__"
"""What stands between section and setting in the name of an environment variable."""


class KafkaSettings(Section):
    """How to reach the brokers."""

    brokers: Brokers = Field(default=("localhost:9092",), description="Brokers to ask first, as host:port.")
    protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        default="plaintext", description="Whether the connection is encrypted (`ssl`) and who we are is proved by SASL (`sasl_…`)."
    )
    ca_file: FilePath | None = Field(default=None, description="Certificates that brokers are trusted by, PEM; unset: the system's.")
    cert_file: FilePath | None = Field(default=None, description="Our own certificate, PEM, where brokers ask for one.")
    key_file: FilePath | None = Field(default=None, description="The private key of `cert_file`, PEM.")
    key_password: SecretStr | None = Field(default=None, description="The password of `key_file`.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"] | None = Field(
        default=None, description="How SASL proves who we are."
    )
    sasl_username: str | None = Field(default=None, description="Who we are to SASL.")
    sasl_password: SecretStr | None = Field(default=None, description="The password of `sasl_username`.")
    options: Options = Field(
        default_factory=dict[str, str],
        description="Any other option of librdkafka, passed on as it is; those that the guarantees rest on are refused.",
    )
    create_topics: bool = Field(
        default=False, description="Whether `run` makes topics that are missing; `orderwatch topics create` always does."
    )
    replication: int | None = Field(
        default=None, ge=1, le=1_000, description="Copies of each partition of topics made here; unset: the broker's default."
    )

    @model_validator(mode="after")
    def _complete(self) -> KafkaSettings:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: one of them is missing")
        sasl = self.protocol.startswith("sasl_")
        if sasl != (self.sasl_mechanism is not None):
            raise ValueError(f"protocol {self.protocol} {'needs a' if sasl else 'has no'} sasl_mechanism")
        secret = self.sasl_mechanism is not None and (self.sasl_mechanism == "PLAIN" or self.sasl_mechanism.startswith("SCRAM-"))
        if secret and (not self.sasl_username or self.sasl_password is None):
            raise ValueError(f"sasl_mechanism {self.sasl_mechanism} needs sasl_username and sasl_password")
        if not sasl:
            self.without_effect(f"protocol {self.protocol} has no SASL", "sasl_username", "sasl_password")
        if self.key_file is None:
            self.without_effect("there is no key_file", "key_password")
        if not self.protocol.endswith("ssl") and (self.ca_file or self.cert_file):
            raise ValueError(f"protocol {self.protocol} uses no certificates: set protocol to ssl or sasl_ssl, or leave them out")
        return self

    def client(self) -> dict[str, str]:
        """The configuration of a client, in librdkafka's names. It holds secrets: never write it out."""
        given: dict[str, str | Path | SecretStr | None] = {
            "bootstrap.servers": ",".join(self.brokers),
            "security.protocol": self.protocol,
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.cert_file,
            "ssl.key.location": self.key_file,
            "ssl.key.password": self.key_password,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password,
        }
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in given.items()
            if value is not None
        }
        return plain | self.options


class InputSettings(Section):
    """What is read."""

    topics: Topics = Field(
        default=("order-events",),
        description="Topics to read, all partitions of each. Decisions (`case.*`, `action.*`, `policy.*`) are taken only from "
        "`order-decisions`, or a topic whose name ends in `.order-decisions` or `-order-decisions`: list it to take them.",
    )
    start: Literal["earliest", "latest"] = Field(default="earliest", description="Where a partition begins that is not in the state yet.")
    partitions: int = Field(default=6, ge=1, le=10_000, description="Partitions of input topics made here.")
    allow_create_time: bool = Field(
        default=False,
        description="Read topics that keep the producer's time instead of the time of append. Weaker: a producer's clock then decides "
        "which evidence counts as in time, and a record behind its partition is applied late.",
    )
    batch: int = Field(default=1_000, ge=1, le=100_000, description="Records taken at once; fewer cost throughput.")
    read_ahead: int = Field(
        default=20_000, ge=1, description="Records that a partition may be read ahead of the slowest: memory and speed, never output."
    )
    barriers: Literal["auto", "required", "off"] = Field(
        default="auto",
        description="Whether empty records (tombstones) are written into silent partitions and read back: proof that all before them has "
        "been read. `auto`: where brokers allow it, and a warning where not; `required`: nothing is read without; `off`: never, silent "
        "partitions go by this host's clock. Weaker: what brokers show late may be decided late, a clock that steps may repeat output.",
    )
    barrier_ms: int = Field(
        default=250,
        ge=10,
        le=60_000,
        description="How often a barrier is written into a silent partition at most while a record waits for it; else it is once a second.",
    )
    clock_allowance_ms: int = Field(
        default=250,
        ge=0,
        le=60_000,
        description="Without barriers, by how much a silent partition's watermark stays behind the clock: the greatest skew of a broker's.",
    )
    growth_check_seconds: float = Field(
        default=30.0, gt=0, le=3_600, description="How often the topics are asked for new partitions; those end the run, for a restart."
    )
    speed: float | None = Field(
        default=None, gt=0, description="Seconds of log time let through per second, to show a recording; unset: no limit."
    )
    until: AwareDatetime | None = Field(default=None, description="Stop there, by log time, inclusive; unset: never.")

    @property
    def until_us(self) -> int | None:
        """`until` in µs since the epoch, UTC."""
        return None if self.until is None else (self.until - EPOCH) // timedelta(microseconds=1)


class OutputSettings(Section):
    """Where output records go."""

    kind: Literal["kafka", "files"] = Field(
        default="kafka", description="`kafka`: the topics below. `files`: JSONL in `folder`, one process only."
    )
    exceptions: Topic = Field(default="order-exceptions", description="Topic of `exception.*`.")
    actions: Topic = Field(default="order-actions", description="Topic of `action.*`.")
    incidents: Topic = Field(default="order-incidents", description="Topic of `incident.*` and `feed.*`.")
    rejects: Topic = Field(default="order-rejects", description="Topic of rejected records, byte for byte.")
    partitions: int = Field(
        default=6,
        ge=1,
        le=10_000,
        description="Partitions of each output topic made here. Pinned in the state: changes only after a clean stop.",
    )
    folder: Path | None = Field(default=None, description="Where `kind: files` writes to.")

    @property
    def topics(self) -> dict[str, str]:
        """The topics by what they hold, as sinks name it."""
        return {"actions": self.actions, "exceptions": self.exceptions, "incidents": self.incidents, "rejects": self.rejects}

    @model_validator(mode="after")
    def _complete(self) -> OutputSettings:
        if self.kind == "files" and self.folder is None:
            raise ValueError("kind files needs a folder")
        if self.kind == "kafka":
            self.without_effect("kind kafka writes no files", "folder")
        else:
            self.without_effect("kind files writes no topics", *self.topics, "partitions")
        distinct(tuple(self.topics.values()))
        return self


class StateSettings(Section):
    """What survives the process."""

    dir: Path = Field(description="The state directory. Every host of a cluster must reach the same one.")
    epoch_seconds: float = Field(
        default=1.0,
        gt=0,
        le=600,
        description="How often state is made durable: the most that is processed again after a crash. At most 1 in a cluster.",
    )
    cache_bytes: int = Field(
        default=256 << 20,
        ge=1 << 20,
        description="Memory of each process for unpacked orders, which are faster; all others are packed, to 1 kB each.",
    )
    fsync: bool = Field(
        default=True, description="Whether state is forced to the disk. Off, a crash of the host (not of the process) may lose it."
    )
    recovery: bool = Field(default=True, description="Whether state is stored at all. Off, every start begins anew: for measuring only.")


class ClusterSettings(Section):
    """How many processes share the work."""

    processes: int = Field(default=1, ge=1, le=64, description="Worker processes that this command starts on this host.")
    process_id: int | None = Field(
        default=None, ge=0, description="Which of `addresses` this process is, from 0, where processes are started one by one."
    )
    addresses: Addresses = Field(
        default=(), description="All processes of the cluster as host:port, the same list everywhere. For a trusted network only."
    )

    @model_validator(mode="after")
    def _complete(self) -> ClusterSettings:
        if (self.process_id is None) != (not self.addresses):
            raise ValueError("process_id and addresses go together: one of them is missing")
        if self.process_id is not None:
            if self.processes != 1:
                raise ValueError("processes is for one host; with process_id each process is started by itself")
            if self.process_id >= len(self.addresses):
                raise ValueError(f"process_id {self.process_id} is not one of {len(self.addresses)} addresses (they count from 0)")
        return self

    @property
    def size(self) -> int:
        """How many processes the cluster has."""
        return len(self.addresses) or self.processes


class HttpSettings(Section):
    """Metrics and health."""

    enabled: bool = Field(default=True, description="Whether to answer `/metrics`, `/healthz` and `/readyz`.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for all, as a container needs.")
    port: Port = Field(
        default=9464,
        description="Port of process 0 of the engine; process n of a host listens on port + n. 0: any free port; the log names it.",
    )


class LogSettings(Section):
    """Logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least level that is written.")
    format: Literal["json", "console"] = Field(default="json", description="One JSON object per line, or text for people.")


class Settings(BaseSettings):
    """All settings of `orderwatch run`, `gateway` and `dispatch`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter=BETWEEN)

    policy: FilePath | None = Field(default=None, description="The policy; unset: the built-in defaults.")
    kafka: Part[KafkaSettings] = Field(default_factory=KafkaSettings)
    inputs: Part[InputSettings] = Field(default_factory=InputSettings)
    outputs: Part[OutputSettings] = Field(default_factory=OutputSettings)
    state: Part[StateSettings] = Field(default_factory=dict[str, object], validate_default=True)
    cluster: Part[ClusterSettings] = Field(default_factory=ClusterSettings)
    gateway: Part[GatewaySettings] = Field(default_factory=GatewaySettings)
    embedded: Part[EmbeddedSettings] = Field(default_factory=EmbeddedSettings)
    client: Part[ClientSettings] = Field(default_factory=ClientSettings)
    store: Part[StoreSettings] = Field(default_factory=StoreSettings)
    dispatch: Part[DispatchSettings] = Field(default_factory=DispatchSettings)
    console: Part[ConsoleSettings] = Field(default_factory=ConsoleSettings)
    http: Part[HttpSettings] = Field(default_factory=HttpSettings)
    log: Part[LogSettings] = Field(default_factory=LogSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What `load` has put together is all: it knows which file, variable or option a mistake is in."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.embedded.dir is not None:
            self._without_kafka()
        both = sorted(set(self.inputs.topics) & set(self.outputs.topics.values()))
        if self.outputs.kind == "kafka" and both:
            raise ValueError(f"{', '.join(both)} is both read and written")
        if decides(self.gateway.topic):
            raise ValueError(f"gateway.topic {self.gateway.topic} is one of decisions: what webhooks say must not decide anything")
        if not decides(self.dispatch.decisions):
            raise ValueError(f"dispatch.decisions {self.dispatch.decisions} is no topic of decisions: the engine takes none from there")
        if self.outputs.kind == "files" and self.cluster.size > 1:
            raise ValueError("outputs.kind files is for one process; cluster has more")
        if self.state.epoch_seconds > CLUSTER_EPOCH_S and self.cluster.size > 1:
            raise ValueError(f"state.epoch_seconds is at most {CLUSTER_EPOCH_S:g} in a cluster, not {self.state.epoch_seconds:g}")
        return self

    def _without_kafka(self) -> None:
        """Raises ValueError where an embedded installation is set up for something that it does not have."""
        why = "an installation in a data directory (embedded.dir, `orderwatch up`) has no Kafka"
        self.kafka.without_effect(why, *KafkaSettings.model_fields, section="kafka.")
        self.inputs.without_effect(why, *(name for name in InputSettings.model_fields if name != "batch"), section="inputs.")
        self.outputs.without_effect(why, *OutputSettings.model_fields, section="outputs.")
        self.gateway.without_effect(why, "output", "topic", "log_file_bytes", section="gateway.")
        if self.cluster.size > 1:
            raise ValueError("an embedded installation has one engine process; cluster has more")
        if not self.state.recovery:
            raise ValueError("an embedded installation keeps its state: leave out state.recovery")
