"""Sends captured requests to a gateway, signed as Shopify, Stripe and EasyPost sign theirs: `python send.py URL NAME FILES…`.

For trying a gateway by hand. Secrets come from the environment (SHOPIFY_SECRET, STRIPE_SECRET, EASYPOST_SECRET), as in the guide; a
file's system is the second part of its name (`2-stripe-declined.json`). Standard library only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
import unicodedata
from base64 import b64encode
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen


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


def main(url: str, name: str, *files: str) -> int:
    """Sends the requests in the order given; returns 1 if one was not answered with success."""
    await_gateway(url)
    failed = 0
    for file in files:
        system = Path(file).name.split("-")[1]
        request = json.loads(Path(file).read_text(encoding="utf-8"))
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
