"""Push delivery: HTTP requests to the subscription's endpoint, acknowledged by their status.

Format as in https://cloud.google.com/pubsub/docs/push and payload-unwrapping. 102 is an interim
status to an HTTP client: it is not seen, the final status that follows it decides.
"""

import asyncio
import base64
import json
import logging
from dataclasses import dataclass

import httpx
from google.pubsub_v1 import types

from cinestow_local.pubsub.subscription import Leased, LiveSubscription

CONCURRENT_PUSHES = 16
"""Per subscription. The service's own window grows and shrinks with the success rate."""
ACKNOWLEDGED = frozenset({102, 200, 201, 202, 204})

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PushRequest:
    """What is posted to the endpoint."""

    headers: dict[str, str]
    body: bytes


def push_client() -> httpx.AsyncClient:
    """The client of all pushes: no proxies, and no reused connection that may just be closing."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    headers = {"User-Agent": "CloudPubSub-Google"}
    return httpx.AsyncClient(trust_env=False, timeout=None, limits=limits, headers=headers)  # noqa: S113 (the ack deadline bounds the whole request)


def push_request(config: types.Subscription, leased: Leased) -> PushRequest:
    """The request that carries a message, wrapped in JSON or bare."""
    if "no_wrapper" in config.push_config:
        return _bare_request(config, leased.message)
    message = leased.message
    published = message.publish_time.rfc3339()
    wrapped: dict[str, object] = {}
    if message.data:
        wrapped["data"] = base64.b64encode(message.data).decode()
    if message.attributes:
        wrapped["attributes"] = dict(message.attributes)
    if message.ordering_key:
        wrapped["orderingKey"] = message.ordering_key
    wrapped |= {"messageId": message.message_id, "message_id": message.message_id}
    wrapped |= {"publishTime": published, "publish_time": published}
    envelope: dict[str, object] = {"message": wrapped, "subscription": config.name}
    if config.dead_letter_policy.dead_letter_topic:
        envelope["deliveryAttempt"] = leased.attempt
    return PushRequest({"Content-Type": "application/json"}, json.dumps(envelope).encode())


def _bare_request(config: types.Subscription, message: types.PubsubMessage) -> PushRequest:
    headers: dict[str, str] = {}
    if config.push_config.no_wrapper.write_metadata:
        headers |= message.attributes
        headers["x-goog-pubsub-subscription-name"] = config.name
        headers["x-goog-pubsub-message-id"] = message.message_id
        headers["x-goog-pubsub-publish-time"] = message.publish_time.rfc3339()
        if message.ordering_key:
            headers["x-goog-pubsub-ordering-key"] = message.ordering_key
    return PushRequest(headers, message.data)


class Pusher:
    """Pushes what a subscription has, while it has an endpoint."""

    def __init__(self, subscription: LiveSubscription, client: httpx.AsyncClient) -> None:
        self._subscription = subscription
        self._client = client
        self._pushes: set[asyncio.Task[None]] = set()
        self._feeder: asyncio.Task[None] | None = None
        self.configure()

    def configure(self) -> None:
        """Start or stop as the subscription's settings say; requests under way go on."""
        if self._feeder is not None:
            self._feeder.cancel()
        self._feeder = None
        if self._subscription.config.push_config.push_endpoint:
            self._feeder = asyncio.create_task(self._feed())

    def stop(self) -> None:
        """Push no more and give up the requests under way."""
        for task in [*self._pushes, self._feeder]:
            if task is not None:
                task.cancel()

    async def _feed(self) -> None:
        while not self._subscription.deleted:
            if len(self._pushes) >= CONCURRENT_PUSHES:
                await asyncio.wait(self._pushes, return_when=asyncio.FIRST_COMPLETED)
                continue
            for leased in await self._subscription.take(1, wait_s=None):
                task = asyncio.create_task(self._push(leased))
                self._pushes.add(task)
                task.add_done_callback(self._pushes.discard)

    async def _push(self, leased: Leased) -> None:
        config = self._subscription.config
        answer = await self._answer(config, leased)
        if answer in ACKNOWLEDGED:
            self._subscription.acknowledge([leased.ack_id])
            return
        _log.warning(
            "%s: attempt %d at message %s: %s",
            config.name,
            leased.attempt,
            leased.message.message_id,
            answer,
        )
        self._subscription.modify_deadline(leased.ack_id, 0)

    async def _answer(self, config: types.Subscription, leased: Leased) -> int | str:
        """The endpoint's status, or what went wrong."""
        request = push_request(config, leased)
        endpoint = config.push_config.push_endpoint
        try:
            async with (
                asyncio.timeout(config.ack_deadline_seconds),
                self._client.stream(
                    "POST", endpoint, content=request.body, headers=request.headers
                ) as response,
            ):
                return response.status_code
        except TimeoutError:
            return "no answer within the ack deadline"
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as problem:
            return type(problem).__name__
