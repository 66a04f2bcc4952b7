"""The live graph without Bytewax: every shell, wired by hand, so that a test can cut, crash and resume it as it likes."""

from __future__ import annotations

import pickle
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.intents import INTENTS
from dataflows.core.engine.shard import Shard
from dataflows.core.identity import AliasResolver, identity_rules
from dataflows.detect.arrivals import fan_out, fan_out_again, fan_out_intents, fan_out_onward
from dataflows.detect.exchange import ACTION_ITEMS, ALIAS_LOOKUPS, ORDER_ITEMS
from dataflows.detect.learning import Learning
from dataflows.detect.names import ACTION_SHARDS, FIRST_SHARDS, ORDER_SHARDS, SECOND_SHARDS, THIRD_SHARDS
from dataflows.detect.operators import ActionOperator, IdentityOperator, OrderOperator
from dataflows.detect.router import Router
from dataflows.runtime.checkpoint import Checkpointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dataflows.core.policy import Policy
    from dataflows.detect.flow import AnyOperator
    from schemas.output import OutputRecord
    from sources.batch import Batch


class MemoryStores:
    """Stores in memory. `durable` is what a resume finds; a token names a copy of all rows, so nothing can leak from a lost epoch."""

    def __init__(self) -> None:
        self.committed: dict[bytes, dict[bytes, bytes]] = {}

    def open(self, shard: str, token: bytes | None) -> MemoryStore:
        """The store of a shard."""
        return MemoryStore(self, shard, {} if token is None else dict(self.committed[token]))


class MemoryToken:
    """Names a copy."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def wait(self) -> bytes:
        """The name."""
        return self._name


class MemoryStore:
    """The rows of one shard."""

    def __init__(self, stores: MemoryStores, shard: str, rows: dict[bytes, bytes]) -> None:
        self._stores, self._shard, self._rows = stores, shard, rows

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All rows."""
        return iter(dict(self._rows).items())

    def put(self, key: bytes, value: bytes | None) -> None:
        """Sets or takes away a row."""
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value

    def commit(self, rows: object, *, afresh: bool = False) -> MemoryToken:
        """Keeps a copy."""
        del rows, afresh
        name = f"{self._shard}-{len(self._stores.committed)}".encode()
        self._stores.committed[name] = dict(self._rows)
        return MemoryToken(name)


class Graph:
    """All operators of a live run. `snapshots`: what an earlier one's `snapshot` returned."""

    def __init__(
        self,
        policy: Policy,
        channels: Sequence[str],
        stores: MemoryStores | None = None,
        snapshots: Mapping[str, bytes] | None = None,
        hot: int = 8,
        *,
        remote: bool = False,
    ) -> None:
        self._remote = remote
        rules = identity_rules(policy)
        self._router = Router(compare_customers=rules.compare_customers, learning=Learning() if policy.learns else None)
        known = snapshots or {}

        def checkpointer(codec: Any) -> Checkpointer[Any] | None:
            return None if stores is None else Checkpointer(stores, policy.version, codec)

        self._first = {
            n: IdentityOperator(AliasResolver(1, rules), channels, checkpointer(ALIAS_LOOKUPS), known.get(n)) for n in FIRST_SHARDS
        }
        self._second = {
            n: IdentityOperator(AliasResolver(2, rules), (*channels, *FIRST_SHARDS), checkpointer(ALIAS_LOOKUPS), known.get(n))
            for n in SECOND_SHARDS
        }
        self._third = {
            n: IdentityOperator(AliasResolver(3, rules), (*channels, *SECOND_SHARDS), checkpointer(ALIAS_LOOKUPS), known.get(n))
            for n in THIRD_SHARDS
        }
        everyone = (*channels, *FIRST_SHARDS, *SECOND_SHARDS, *THIRD_SHARDS)
        self._orders = {
            n: OrderOperator(
                lambda name: Shard(policy, hot, place=(ORDER_SHARDS.index(name), len(ORDER_SHARDS))),
                everyone,
                checkpointer(ORDER_ITEMS),
                known.get(n),
            )
            for n in ORDER_SHARDS
        }
        self._actions = {
            n: ActionOperator(
                lambda name: ActionShard(policy, place=(ACTION_SHARDS.index(name), len(ACTION_SHARDS))),
                (*channels, *ORDER_SHARDS),
                checkpointer(ACTION_ITEMS),
                known.get(n),
            )
            for n in ACTION_SHARDS
        }

    def take(self, batches: Iterable[Batch]) -> list[OutputRecord]:
        """What all shards say about some batches."""
        waiting: dict[str, list[Any]] = defaultdict(list)
        for name, arrival in self._router(list(batches)):
            waiting[name].append(self._sent(name, arrival))
        first = [(n, out) for n, operator in self._first.items() for out in operator.on_batch(waiting[n])[0]]
        for name, arrival in fan_out_onward(first):
            waiting[name].append(self._sent(name, arrival))
        second = [(n, out) for n, operator in self._second.items() for out in operator.on_batch(waiting[n])[0]]
        for name, arrival in fan_out_again(second):
            waiting[name].append(self._sent(name, arrival))
        third = [(n, out) for n, operator in self._third.items() for out in operator.on_batch(waiting[n])[0]]
        for name, placed in (*fan_out(first), *fan_out(second), *fan_out(third)):
            waiting[name].append(self._sent(name, placed))
        judged = [(n, each) for n, operator in self._orders.items() for each in operator.on_batch(waiting[n])[0]]
        for name, arrival in fan_out_intents(judged):
            waiting[name].append(self._sent(name, arrival))
        acted = [each for n, operator in self._actions.items() for each in operator.on_batch(waiting[n])[0]]
        said = [out for _, (_, outs) in judged for out in outs if out.topic != INTENTS]
        return [*said, *(out for _, outs in acted for out in outs)]

    def _sent(self, name: str, arrival: Any) -> Any:
        return pickle.loads(pickle.dumps(arrival)) if self._remote and int(name[1:]) % 2 else arrival

    def snapshot(self) -> dict[str, bytes]:
        """What Bytewax would have stored of every shell at the end of an epoch."""
        operators: dict[str, AnyOperator] = {**self._first, **self._second, **self._third, **self._orders, **self._actions}
        return {name: pickle.loads(pickle.dumps(operator.snapshot())) for name, operator in operators.items()}
