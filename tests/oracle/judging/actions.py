"""The judge of actions: what may be decided about them, by whom, and what comes of it; what orders and time do is in `action_book`."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oracle.judging.action_book import ActionBook
from tests.oracle.judging.action_terms import NEEDS, SHARD, TASKS, Decided, Known, frozen, mapping_of
from tests.oracle.judging.reading import items


class ActionJudge(ActionBook):
    """Takes demands and decisions in order. `said`: what is to be said of actions, `refused`: the decisions that may not count, and why."""

    # --- decisions ---

    def _decision(self, decided: Decided) -> None:
        why = self._decide(decided)
        if why is not None:
            self.refused.append((decided.id, why))

    def _decide(self, one: Decided) -> str | None:
        told = one.told
        if one.topic != "order-decisions" and not one.topic.endswith((".order-decisions", "-order-decisions")):
            return "not_a_decision_source"
        if one.type.startswith("automation."):
            return self._automation(one)
        if one.type == "action.initiated":
            return self._initiated(one)
        each = self.all.get(str(told.get("action_id")))
        if each is None or (each.tenant, each.order) != (one.tenant, one.order):
            return "unknown_action"
        if one.id in each.heard:
            return None
        step = {"approved": self._approved, "rejected": self._rejected, "begun": self._begun, "observed": self._observed}
        word = one.type.partition(".")[2]
        each.heard.append(one.id)  # The first wins, whatever became of it.
        return step[word](each, told, one.log) if word in step else self._outcome(each, word, told, one.log)

    def _automation(self, one: Decided) -> str | None:
        scope = str(one.told.get("scope"))
        if not one.told.get("by"):
            return "no_name"
        (self.paused.discard if one.type == "automation.resumed" else self.paused.add)(scope)
        return None

    def _initiated(self, one: Decided) -> str | None:
        told = one.told
        id_, by = self._name("initiated", one.id), str(told.get("by") or "")
        if not by.startswith("user:"):
            return "not_a_person" if by else "no_name"
        action, parameters = str(told["action"]), dict(mapping_of(told.get("parameters")))
        needed = NEEDS.get(action)
        if needed is not None and parameters.get(needed) is None:
            return "parameters"
        money = mapping_of(parameters.get("amount"))
        amount = (str(money["amount"]), str(money["currency"])) if money else None
        target = "task" if action in TASKS else "customer" if action in ("notify_customer", "ask_payment_update") else "order"
        each = Known(id_, one.tenant, one.order, None, "", action, target, parameters, None, amount, by, lane="review")
        each.wanted_persons = self._persons(each)
        self._begin(each, one.log)
        return None

    def _read(self, each: Known, told: Mapping[str, object]) -> str | None:
        if not told.get("payload_hash"):
            return "no_hash"
        if told["payload_hash"] != frozen(each):
            return "wrong_hash"
        if not told.get("by"):
            return "no_name"
        return None if str(told["by"]).startswith("user:") else "not_a_person"

    def _role(self, each: Known, told: Mapping[str, object]) -> str | None:
        roles = self.terms.approvers.get(each.action) or self.terms.approvers.get("*") or ("admin", "approver")
        return None if set(roles) & set(items(told, "by_roles")) else "role_missing"

    def _approved(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        why = self._read(each, told)
        if why is not None:
            return why
        if each.state == "blocked":
            return "blocked"
        if each.state != "proposed" or not each.missing:
            return "wrong_state"
        by = str(told["by"])
        if by.lower() == each.asker.lower():
            return "own_action"
        if by.lower() in [name.lower() for name in each.agreed]:
            return "already_approved"
        why = self._role(each, told)
        if why is not None:
            return why
        if each.missing == 1:
            stopped = self._stopped(each, now)
            if stopped is not None:
                return stopped[0]
            if self._rival(each) is not None:
                return "blocked"
        each.agreed = [*each.agreed, by]
        if not each.missing:
            self._settle(each, now)
        self._say(each, now)
        return None

    def _rejected(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        why = self._read(each, told)
        if why is not None:
            return why
        if each.state not in ("proposed", "blocked", "requested"):
            return "wrong_state"
        if told["by"] != each.asker and (why := self._role(each, told)) is not None:
            return why
        each.was_requested = each.state == "requested"
        each.state, each.rival, each.counted = "rejected", "", None
        self._say(each, now)
        return None

    def _begun(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        late = each.state in ("withdrawn", "rejected") and each.was_requested
        if each.state != "requested" and not late and not (each.state == "failed" and each.again):
            return "in_doubt" if each.state == "in_doubt" else "not_requested"
        stated = told.get("attempt")
        attempt = stated if isinstance(stated, int) else each.attempt + 1
        if attempt <= each.attempt:
            return "attempt_repeated"
        each.state, each.attempt, each.again = "begun", attempt, False
        if late:
            each.counted = self._day(now)
            for other in sorted(self.all.values(), key=lambda one: one.id):
                if other.before == each.id and other.state in ("proposed", "blocked", "requested"):
                    for key, stands in self.of_key.items():
                        if stands is other:
                            self.of_key[key], each.wanted = each, True
                    self._withdraw(other, now)
            for other in sorted(self.all.values(), key=lambda one: one.id):
                same = (other.tenant, other.order) == (each.tenant, each.order) and self._same(each.target, other.target)
                if other.id != each.id and same and other.state == "requested" and each.final_way and other.final_way:
                    self._withdraw(other, now)
        self._say(each, now)
        if late or {"all", f"action:{each.action}", f"rule:{each.kind}", f"tenant:{each.tenant}"} & self.paused:
            self._amend(each, now)
        return None

    def _outcome(self, each: Known, word: str, told: Mapping[str, object], now: int) -> str | None:
        if each.state == "in_doubt":
            return "in_doubt"
        if each.state not in ("begun", "requested"):
            return "not_begun"
        attempt = told.get("attempt")
        if attempt is not None and each.state == "begun" and attempt != each.attempt:
            return "other_attempt"
        each.attempt = attempt if isinstance(attempt, int) and attempt else max(1, each.attempt)
        if word == "in_doubt" and told.get("retry_at") is not None:  # The attempt goes on: nothing has ended, nothing is held back.
            each.state = "begun"
            self._say(each, now)
            return None
        each.state = word
        each.again = word == "failed" and told.get("retry_at") is not None and each.wanted and not each.amended
        self._say(each, now)
        if word == "failed" and each.over:
            self._nothing_done(each, now)
        if word == "in_doubt":
            self._hold_back(each, now)
        return None

    def _hold_back(self, doubtful: Known, now: int) -> None:
        """What is requested for the same target is taken back, and asked for anew behind the doubt."""
        for other in sorted(self.all.values(), key=lambda one: one.id):
            mine = (other.tenant, other.order) == (doubtful.tenant, doubtful.order) and other.id != doubtful.id
            if mine and other.state == "requested" and other.target != "task" and self._same(other.target, doubtful.target):
                keys = [key for key, stands in self.of_key.items() if stands is other]
                self._withdraw(other, now)
                other.wanted = False
                fresh = Known(
                    *(self._name("again", other.id), other.tenant, other.order, other.exception, other.kind, other.action, other.target),
                    *(other.parameters, other.customer, other.amount, other.asker),
                    lane="review" if other.lane == "auto" else other.lane,
                    spoken=[each for each in other.spoken if each[0] not in SHARD],
                    quiet_until=other.quiet_until,
                    before=other.id,
                    amends=other.amends,
                )
                fresh.wanted_persons = self._persons(fresh)
                for key in keys:
                    self.of_key[key] = fresh
                self._begin(fresh, now)

    def _observed(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        if each.state not in ("in_doubt", "begun"):
            return "wrong_state"
        if told.get("outcome") not in ("executed", "not_executed"):
            return "bad_outcome"
        if told.get("attempt") is not None and told["attempt"] != each.attempt:
            return "other_attempt"
        each.state = "executed" if told["outcome"] == "executed" else "failed"
        each.again = each.state == "failed" and told.get("retry_at") is not None and each.wanted and not each.amended
        self._say(each, now)
        if each.state == "failed" and each.over:
            self._nothing_done(each, now)
        return None
