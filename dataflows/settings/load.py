"""Reads settings: a command-line option beats an environment variable, which beats the file. What is wrong is said in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dataflows.settings.dispatch import ContactSettings, RouteSettings
from dataflows.settings.gateway import ConnectionSettings, HmacSettings, SecretSettings
from dataflows.settings.model import BETWEEN, PREFIX, Settings
from schemas.plain import Data
from schemas.problems import nearest
from schemas.tree import Tree, read

At = tuple[str, ...]
"""The path of a setting, such as `("kafka", "brokers")`."""
SECRET_FILE = "_file"  # noqa: S105 - the ending of a name
"""`sasl_password_file: PATH` stands for the content of that file, as mounted secrets are given."""
GREATEST_SECRET = 65_536
CONNECTIONS = ("gateway", "connections")
WITHIN: dict[At, type[BaseModel]] = {("dispatch", "routes"): RouteSettings, ("dispatch", "contacts"): ContactSettings}
"""Lists of settings."""
OF_SETTINGS = (CONNECTIONS, ("dispatch", "endpoints"), *WITHIN)
"""The settings whose values are settings themselves."""
QUOTED = re.compile(r"'([^']*)'")


class SettingsError(ValueError):
    """Settings cannot be used; each of `problems` says in one line what to mend."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Given:
    """A setting's value, and the name by which whoever set it knows it."""

    name: str
    value: object


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, tuple[At, object]] | None = None,
    *,
    spare: Mapping[At, object] | None = None,
) -> Settings:
    """The settings of a YAML file, of environment variables and of command-line options (`--state`: (path, value)).

    `spare` holds what a command can do without, and so counts where nobody has set it.

    Raises SettingsError, with all that is wrong.
    """
    layers = [
        {at: Given(name, value) for name, (at, value) in (options or {}).items()},
        _from_environment(environment or {}),
        _from_file(file) if file else {},
    ]
    values: dict[At, object] = dict(spare or {})
    problems: list[str] = []
    for layer in reversed(layers):
        values |= _with_secrets(layer, problems)
    try:
        settings = Settings.model_validate(_nested(values))
    except ValidationError as error:
        # A name that is not known comes first: it may be why another one is missing.
        details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden")
        problems += (_problem(detail, layers) for detail in details)
        raise SettingsError(*problems) from None  # the details of the error hold what was given, secrets included
    if problems:
        raise SettingsError(*problems)
    return settings


def setting_fields() -> dict[At, FieldInfo]:
    """All settings by their path."""
    fields: dict[At, FieldInfo] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            fields |= {(name, inner): detail for inner, detail in section.model_fields.items()}
        else:
            fields[(name,)] = field
    return fields


def variable(at: At) -> str:
    """The environment variable of a setting."""
    return PREFIX + BETWEEN.join(at).upper()


def _from_environment(environment: Mapping[str, str]) -> dict[At, Given]:
    """Settings among the environment variables.

    Only `ORDERWATCH_POLICY` and names with `__` are ours: Kubernetes puts variables such as ORDERWATCH_PORT into every
    container beside a service of this name.
    """
    alone = {variable(at) for at in setting_fields() if len(at) == 1}
    return {
        tuple(name[len(PREFIX) :].lower().split(BETWEEN)): Given(name, value)
        for name, value in environment.items()
        if name.upper() in alone or (name.upper().startswith(PREFIX) and BETWEEN in name)
    }


def _from_file(file: Path) -> dict[At, Given]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8: {error.reason} at byte {error.start}") from error
    tree = read(text)
    if tree.faults:
        at = [(fault, ".".join(map(str, fault.path))) for fault in tree.faults]
        raise SettingsError(*(f"{file}:{fault.line}: {f'{where}: ' if where else ''}{fault.message}" for fault, where in at))
    if tree.data is None:
        return {}
    if not isinstance(tree.data, dict):
        raise SettingsError(f"{file}:1: a mapping (section: ...) is expected here")
    return dict(_leaves(tree.data, (), tree, file))


def _leaves(data: Mapping[str, Data], at: At, tree: Tree, file: Path) -> Iterator[tuple[At, Given]]:
    """The settings of a file; a setting stands one level below its section, whatever is in it."""
    for key, value in data.items():
        path = (*at, key)
        if isinstance(value, dict) and not at:
            yield from _leaves(value, path, tree, file)
        else:
            yield path, Given(f"{file}:{tree.at(path, key=True)[0]}: {'.'.join(path)}", value)


def _with_secrets(layer: Mapping[At, Given], problems: list[str]) -> dict[At, object]:
    """The values of a layer; where the file of a secret is named, the secret. What is wrong with that goes to `problems`."""
    secrets = {at for at, field in setting_fields().items() if SecretStr in get_args(field.annotation)}
    values: dict[At, object] = {}
    for at, given in layer.items():
        of = (*at[:-1], at[-1].removesuffix(SECRET_FILE))
        if of == at or of not in secrets:
            values[at] = given.value
        elif of in layer:
            problems.append(f"{given.name}: {'.'.join(of)} is given as well; leave one of them out")
        else:
            try:
                values[of] = secret_in(Path(str(given.value)), given.name)
            except SettingsError as error:
                problems += error.problems
                values[of] = ""  # so that it is not said to be missing too
    return values


def secret_in(path: Path, name: str) -> str:
    """The secret that a file holds, without its last line break. Raises SettingsError under the name of the setting."""
    try:
        with path.open("rb") as file:
            return file.read(GREATEST_SECRET).decode().rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{name}: {path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: {path}: is not UTF-8") from None


def _nested(values: Mapping[At, object]) -> dict[str, object]:
    nested: dict[str, object] = {}
    for at, value in values.items():
        inner = nested
        for key in at[:-1]:
            inner = cast("dict[str, object]", inner.setdefault(key, {}))
        inner[at[-1]] = value
    return nested


def _problem(detail: ErrorDetails, layers: list[dict[At, Given]]) -> str:
    """What is wrong, in one line: the name as it was given, the matter, the nearest valid name."""
    loc = tuple(str(part) for part in detail["loc"])
    found = next((layer[at] for layer in layers for at in (loc[:2], loc[:1], _secret_file(loc)) if at in layer), None)
    name = found.name if found else ".".join(loc) or "settings"
    if loc[:2] in OF_SETTINGS and len(loc) > 2:
        # Of a connection, an endpoint or a route the place within it is named too: there may be many.
        name = f"{name}.{'.'.join(loc[2:])}"
    expected = QUOTED.findall(str(detail.get("ctx", {}).get("expected", "")))
    match detail["type"]:
        case "extra_forbidden":
            if loc[:2] == CONNECTIONS:
                section = ConnectionSettings if len(loc) == 4 else HmacSettings if loc[3:4] == ("hmac",) else SecretSettings
                meant = nearest(name.rpartition(".")[2], list(section.model_fields))
                return f"{name}: no such setting{f'; did you mean {meant}?' if meant else ''}"
            if loc[:2] in WITHIN:
                meant = nearest(name.rpartition(".")[2], list(WITHIN[loc[:2]].model_fields))
                return f"{name}: no such setting{f'; did you mean {meant}?' if meant else ''}"
            # Of a whole section that is not known, the first setting in it is named.
            at, name = next(((at, layer[at].name) for layer in layers for at in layer if at[: len(loc)] == loc), (loc, name))
            meant = nearest(".".join(at), [".".join(path) for path in setting_fields()])
            environment = name.upper().startswith(PREFIX)
            hint = f"; did you mean {variable(tuple(meant.split('.'))) if environment else meant}?" if meant else ""
            return f"{name}: no such setting{hint}"
        case "missing":
            if loc[:2] in OF_SETTINGS:
                return f"{name}: required"
            return f"{name}: required; set it in the settings file or as {variable(loc)}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"{name}: settings (name: value) are expected here"
        case "literal_error":
            meant = nearest(str(detail["input"]), expected)
            hint = f"; did you mean {meant}?" if meant else ""
            return f"{name}: {detail['input']!r} is none of {', '.join(expected)}{hint}"
        case "too_short":
            return f"{name}: must not be empty"
        case "path_type":
            return f"{name}: a path is expected here"
        case "path_not_file":
            return f"{name}: {detail['input']}: no such file"
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            return f"{name}: {message[:1].lower()}{message[1:]}"


def _secret_file(loc: At) -> At:
    return (*loc[:1], loc[1] + SECRET_FILE) if len(loc) > 1 else loc
