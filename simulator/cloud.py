"""One account's cloud in one region: all products, one clock, one list of calls."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import asdict, dataclass
from itertools import count
from threading import RLock
from typing import Any
from xml.sax.saxutils import escape

from simulator import ram_service, required_permissions, rpc
from simulator.actions import Product
from simulator.clock import VirtualClock
from simulator.ecs import Ecs
from simulator.error_catalogue import refusal
from simulator.ess import Ess
from simulator.faults import Faults
from simulator.fc import Fc
from simulator.fc import refusals as fc_refusals
from simulator.oss import Oss
from simulator.ram_service import Ram
from simulator.signing import AccessKey, verify
from simulator.slb import Slb
from simulator.wire import ApiError, ConnectionDropped, Request, Response, announced_length, uncovered

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")
_SECRET = {"Password", "UserData"}


@dataclass(frozen=True)
class Call:
    """A request as it arrived: ``at`` in virtual seconds, ``status`` 0 where the connection dropped.

    ``code`` is empty for success, ``ConnectionDropped`` also where the connection ended within the answer's body.
    """

    number: int
    at: float
    product: str
    action: str
    parameters: dict[str, str]
    status: int
    code: str
    request_id: str


class Cloud:
    """Answers requests; never sleeps, never looks at real time, the same every time."""

    def __init__(self, now: float, region: str = "cn-hangzhou", account_id: str = "1690701234567830") -> None:
        self.clock = VirtualClock(now)
        self.lock = RLock()
        self.region = region
        self.account_id = account_id
        self.faults = Faults()
        self.calls: list[Call] = []
        self.access_key = AccessKey("EmbeddedCloudAccessKeyId", "EmbeddedCloudAccessKeySecret")
        self.access_keys = {self.access_key.access_key_id: self.access_key}
        self._numbers = count(1)
        self._request_numbers = count(1)
        self._nonces: set[str] = set()
        self.ecs = Ecs(self)
        self.slb = Slb(self)
        self.ess = Ess(self)
        self.oss = Oss(self)
        self.fc = Fc(self)
        self.ram = Ram(self)
        self._products: dict[str, Product] = {"ecs": self.ecs, "slb": self.slb, "ess": self.ess, "ram": self.ram}

    def now(self) -> float:
        """The virtual moment, seconds since 1970."""
        return self.clock.now()

    def progress(self) -> None:
        """Bring every product up to the present."""
        with self.lock:
            for product in self._products.values():
                product.progress()

    def respond(self, request: Request) -> Response:
        """Answer one request.

        Raises ConnectionDropped where a fault drops the connection, and where less of the body came than was
        announced: a client that died while sending; its call has no effect.
        """
        with self.lock:
            self.progress()
            request_id = self.request_id()
            product, action = self.addressee(request)
            number = len(self.calls) + 1
            try:
                response = self._through_faults(request, product, action, number, request_id)
            except ConnectionDropped as dropped:
                self._record(request, product, action, Response(0), request_id)
                self.clock.advance(dropped.client_waited)
                raise
            self._record(request, product, action, response, request_id)
            return response

    def state(self) -> dict[str, Any]:
        """The whole state as JSON values; the answer of ``GET /-/state``."""
        with self.lock:
            self.progress()
            return {
                "now": self.now(),
                "region": self.region,
                "account_id": self.account_id,
                "ecs": self.ecs.state(),
                "slb": self.slb.state(),
                "ess": self.ess.state(),
                "oss": self.oss.state(),
                "fc": self.fc.state(),
                "faults": [
                    {"action": str(fault.action), "effect": fault.effect, "fired": fault.fired}
                    for fault in self.faults.added
                ],
                "calls": [asdict(call) for call in self.calls],
            }

    def new_id(self, prefix: str) -> str:
        """A new resource id: ``i-bp1…``, 20 characters after the hyphen, the same in each run."""
        number = int.from_bytes(hashlib.sha256(f"{prefix}{next(self._numbers)}".encode()).digest()[:12], "big")
        characters = ""
        for _ in range(17):
            number, index = divmod(number, len(_ALPHABET))
            characters += _ALPHABET[index]
        return f"{prefix}-bp1{characters}"

    def request_id(self) -> str:
        """A new request id, in the form of a UUID."""
        digits = hashlib.sha256(f"request{next(self._request_numbers)}".encode()).hexdigest().upper()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"

    def addressee(self, request: Request) -> tuple[str, str]:
        """Product and action that a request is for."""
        if rpc.is_rpc(request):
            return rpc.product_of(request), rpc.action_of(request)
        if rpc.uncovered_protocol(request):
            return "unknown", "Unknown"
        return "oss", self.oss.action_of(request)

    def _through_faults(self, request: Request, product: str, action: str, number: int, request_id: str) -> Response:
        try:
            announced = announced_length(request.headers)
        except ApiError as error:
            return self._refusal(error, request, product, request_id)
        if announced not in (None, len(request.body)):
            raise ConnectionDropped
        fault = self.faults.hit(product, action, number, self.now(), rpc.said(request))
        try:
            instead = fault.before(product) if fault else None
        except ApiError as error:
            return self._refusal(error, request, product, request_id)
        response = instead or self._act(request, product, action, request_id)
        return fault.after(response) if fault and not instead else response

    def _act(self, request: Request, product: str, action: str, request_id: str) -> Response:
        try:
            if product == "oss":
                return self.oss.respond(request)
            if not rpc.is_rpc(request):
                raise uncovered(rpc.uncovered_protocol(request), rpc.VERSIONS.values())
            self._authenticate(request, product, action)
            if product == "fc":
                return self.fc.respond(request, request_id)
            answer = rpc.perform(self._products[product], product, action, rpc.flat_parameters(request))
        except ApiError as error:
            return self._refusal(error, request, product, request_id)
        return Response.of_json(200, {"RequestId": request_id, **answer})

    def _authenticate(self, request: Request, product: str, action: str) -> None:
        key = verify(request, self.access_keys, self.now())
        nonce = request.headers["x-acs-signature-nonce"]
        if nonce in self._nonces:
            raise refusal("SignatureNonceUsed")
        self._nonces.add(nonce)
        if product not in rpc.VERSIONS.values():
            raise rpc.unknown_version(request)
        self._authorize(key, product, action, request)

    def _authorize(self, key: AccessKey, product: str, action: str, request: Request) -> None:
        if product == "fc":
            if denied := key.missing(required_permissions.of_fc(self, action, request)):
                raise fc_refusals.access_denied(denied.action, denied.resource)
        elif denied := key.missing(required_permissions.of_rpc(self, product, action, rpc.flat_parameters(request))):
            code = {"ram:PassRole": "InvalidUser.PassRoleForbidden"}.get(
                denied.action, rpc.DENIED.get(product, "Forbidden.RAM")
            )
            raise ram_service.denied(refusal(code), denied, key)

    def _refusal(self, error: ApiError, request: Request, product: str, request_id: str) -> Response:
        if product == "fc":
            return fc_refusals.answer(error, request_id)
        if product != "oss":
            return rpc.error_response(error, request, request_id)
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(error.code)}</Code>'
            f"<Message>{escape(error.message)}</Message><RequestId>{request_id}</RequestId>"
            f"<HostId>{escape(request.headers.get('host', ''))}</HostId></Error>"
        )
        headers = {"content-type": "application/xml", "x-oss-request-id": request_id, **error.headers}
        if request.method == "HEAD":  # no body there: OSS puts the error into a header
            headers.setdefault("x-oss-err", b64encode(body.encode()).decode())
        return Response(error.status, body.encode(), headers)

    def _record(self, request: Request, product: str, action: str, response: Response, request_id: str) -> None:
        shown = {name: "***" if name in _SECRET else value for name, value in _parameters(request, product).items()}
        number = len(self.calls) + 1
        code = _code_of(response)
        self.calls.append(Call(number, self.now(), product, action, shown, response.status, code, request_id))


def _parameters(request: Request, product: str) -> dict[str, str]:
    if product == "oss":
        return {"path": request.path}
    if product == "fc":
        return {"path": request.path} | {name: text for name, text in request.headers.items() if name[:5] == "x-fc-"}
    return rpc.flat_parameters(request)


def _code_of(response: Response) -> str:
    """The error code in a refusal; empty for success."""
    if response.status == 0 or response.sent is not None:
        return "ConnectionDropped"
    if response.status < 400:
        return ""
    if kill := response.headers.get("x-simulator-kill"):
        return f"Killed.{kill}"
    xml = _XML_CODE.search(response.body)
    if xml:
        return xml[1].decode()
    found = re.search(rb'"Code": "([^"]+)"', response.body)
    return found[1].decode() if found else ""
