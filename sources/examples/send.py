"""Sends captured requests to a gateway, signed as Shopify, Stripe and EasyPost sign theirs: `python send.py [--now] URL NAME FILES…`.

For trying a gateway by hand. Secrets come from the environment (SHOPIFY_SECRET, STRIPE_SECRET, EASYPOST_SECRET), as in the guide; a
file's system is the second part of its name (`2-stripe-declined.json`). With `--now` they tell of another order, at present: all instants
are moved so that the last request was received just now, and all numbers are new. Standard library only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import sys
import time
import unicodedata
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)")
SECONDS = re.compile(r"\b1777\d{6}\b")
"""Instants as Stripe writes them, of the days that the examples are of."""
NUMBERS = {
    "1234567890": "{}",
    "TeaLife": "T{}",
    "tealife": "t{}",
    "b54f0e8a-0001": "b54f0e8a-{}",
    "9400111899223100005555": "940011189922{}",
}
"""What the examples' identifiers have in common: of the order and all that belongs to it, of the payment, of deliveries, of the parcel."""


def signature(system: str, body: bytes) -> dict[str, str]:
    """The header by which a system signs a body. Raises KeyError if its secret is not in the environment."""
    secret = os.environ[f"{system.upper()}_SECRET"]
    if system == "shopify":
        return {"x-shopify-hmac-sha256": b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()}
    if system == "stripe":
        at = str(int(time.time()))
        return {"stripe-signature": f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"}
    key = unicodedata.normalize("NFKD", secret).encode()
    return {"x-hmac-signature": f"hmac-sha256-hex={hmac.new(key, body, hashlib.sha256).hexdigest()}"}


def await_gateway(url: str) -> None:
    """Returns once the gateway is ready: it may have been started just now. Ends the program if it is not within 30 seconds."""
    for _ in range(300):
        try:
            with urlopen(f"{url}/readyz", timeout=10):  # noqa: S310 - the user's own URL
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"no gateway is ready at {url}")


def moved(texts: list[str], now: datetime) -> list[str]:
    """The requests as those of another order, of which the last was received at `now`."""
    shift = now - max(datetime.fromisoformat(json.loads(text)["received"]) for text in texts)
    number = f"{int(now.timestamp()):010}"

    def instant(found: re.Match[str]) -> str:
        text = (datetime.fromisoformat(found[0]) + shift).isoformat(timespec="seconds")
        return text.replace("+00:00", "Z") if found[0].endswith("Z") else text

    def seconds(found: re.Match[str]) -> str:
        return str(int(found[0]) + int(shift.total_seconds()))

    def one(text: str) -> str:
        text = SECONDS.sub(seconds, INSTANT.sub(instant, text))
        for known, made in NUMBERS.items():
            text = text.replace(known, made.format(number))
        return text

    return [one(text) for text in texts]


def main(*arguments: str) -> int:
    """Sends the requests in the order given; returns 1 if one was not answered with success."""
    url, name, *files = [argument for argument in arguments if argument != "--now"]
    texts = [Path(file).read_text(encoding="utf-8") for file in files]
    if "--now" in arguments:
        texts = moved(texts, datetime.now(UTC).replace(microsecond=0))
    await_gateway(url)
    failed = 0
    for file, text in zip(files, texts, strict=True):
        system = Path(file).name.split("-")[1]
        request = json.loads(text)
        body = json.dumps(request["body"]).encode()
        sent = Request(f"{url}/hooks/{system}/{name}", body, request["headers"] | signature(system, body))  # noqa: S310 - the user's own URL
        try:
            with urlopen(sent, timeout=10) as answer:  # noqa: S310
                status = answer.status
        except HTTPError as refusal:
            status = refusal.code
        failed += status >= 300
        sys.stdout.write(f"{status} {Path(file).name}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
