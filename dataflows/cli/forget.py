"""`orderwatch forget`: has an order erased, or a customer with all orders, by an event of the log that every part of the engine honours."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from dataflows.cli import options
from dataflows.cli.decided import NOWHERE, SOURCE, append, send
from dataflows.cli.desk import Desk, confirmed
from dataflows.errors import MisuseError, RunError

ROLE = "admin"


def forget(  # noqa: PLR0913, PLR0917 (typer makes each an argument or option)
    order: Annotated[str | None, typer.Option(metavar="ORDER", help="The order to erase, or an unclaimed alias (kind:value).")] = None,
    customer: Annotated[str | None, typer.Option(metavar="ID", help="The customer to erase, with all orders.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant that it belongs to.")] = "default",
    out: options.DecisionsFile = None,
    settings: options.SettingsFile = None,
    brokers: options.OtherBrokers = None,
    topic: options.DecisionsTopic = None,
    client_config: options.ClientConfig = None,
    by: Annotated[str | None, typer.Option(metavar="WHO", help="Who has it erased.", show_default="user:LOGIN")] = None,
    at: options.EventTime = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: what is erased does not come back.")] = False,
) -> None:
    """Erase an order, or a customer with all orders: history, exceptions, cases, messages and actions. It does not come back.

    What comes of it later is dropped, and given back empty. Not erased are the records of input topics and of output topics before the
    erasure, until their retention ends, and copies of them elsewhere.
    """
    if (order is None) == (customer is None):
        raise MisuseError("name what to erase: --order or --customer; one of them")
    if (out is None) == (brokers is None and settings is None):
        raise MisuseError("name where to write to: --out, --brokers or --settings; one of them")
    if brokers is not None and settings is not None:
        raise MisuseError("--brokers and --settings both say where to: give one of them")
    if at is not None and out is None:
        raise MisuseError("--at goes with --out: a topic has its own log time")
    if topic is not None and out is not None:
        raise MisuseError("--topic does not go with --out")
    options.instant("--at", at)
    what = f"order {order}" if order is not None else f"customer {customer} with all orders"
    unknown = order is not None and settings is not None and _nobody_knows(settings, tenant, order)
    aside = ", which neither the engine nor the case store knows so far" if unknown else ""
    confirmed(f"erase {what} of tenant {tenant}{aside}? It does not come back", [], yes=yes)
    line = _event(order, customer, tenant, by or f"user:{getpass.getuser()}", at)
    where = str(out) if out is not None else send(line, settings, brokers, topic, client_config, "forget")
    if out is not None:
        append(out, line)
    typer.echo(f"{what}: the erasure is appended to {where}")
    if unknown:
        typer.echo(
            f"nobody knows order {order} of tenant {tenant} so far: see whether that is its name. What comes of it from now on is dropped."
        )


def _nobody_knows(settings: Path, tenant: str, order: str) -> bool:
    """Whether neither the engine's state nor the case store has heard of an order; False where that cannot be seen from here."""
    from sqlalchemy import select

    from dataflows.detect.inspection import inspect_order
    from dataflows.runtime.state.errors import StateError
    from sinks.cases.tables import orders

    with Desk(settings) as desk:
        state = desk.settings.state.dir
        if state == NOWHERE or not (state / "state.json").exists():
            return False
        try:
            if inspect_order(state, tenant, order) is not None:
                return False
            with desk.reading() as connection:
                known = select(orders.c.order_id).where(orders.c.tenant == tenant, orders.c.order_id == order)
                return connection.execute(known).first() is None
        except (StateError, OSError, MisuseError, RunError):
            return False


def _event(order: str | None, customer: str | None, tenant: str, by: str, at: str | None) -> bytes:
    import orjson

    from dataflows.detect.announce import now
    from schemas.deciding import FORGOTTEN
    from schemas.wire import Rejected, decode

    data = {"by": by, "by_roles": [ROLE], **({} if customer is None else {"customer_id": customer})}
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": SOURCE,
        "type": FORGOTTEN,
        **({} if order is None else {"subject": order}),
        "time": at or now(),
        "tenant": tenant,
        "data": data,
    }
    line = orjson.dumps(event)
    try:
        decode(line)
    except Rejected as why:
        raise MisuseError(f"no event of the contract: {why.detail}") from None
    return line
