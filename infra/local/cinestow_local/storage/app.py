"""The application: its routes, and the task that publishes notifications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cinestow_local.faults import FaultInjection
from cinestow_local.storage import json_buckets as buckets
from cinestow_local.storage import json_copies as copies
from cinestow_local.storage import json_objects as objects
from cinestow_local.storage import json_uploads as uploads
from cinestow_local.storage.batch import batch
from cinestow_local.storage.cors import Cors
from cinestow_local.storage.errors import caller_left, error_answer
from cinestow_local.storage.notifications import Publish
from cinestow_local.storage.parts import open_storage
from cinestow_local.storage.signing import register_signer
from cinestow_local.storage.xml_forms import upload_form
from cinestow_local.storage.xml_objects import xml_object


class RawPaths:
    """ASGI middleware: routes see the path as it was sent, so ``%2F`` stays within a name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)


def create_app(data: Path, base_url: str, publish: Publish | None) -> ASGIApp:
    """The server as an ASGI application. Without ``publish``, notifications wait on disk."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.storage = open_storage(data, base_url)
        delivery = None
        if publish is not None:
            delivery = asyncio.create_task(app.state.storage.outbox.deliver(publish))
        yield
        if delivery is not None:
            delivery.cancel()
            with suppress(asyncio.CancelledError):
                await delivery
        app.state.storage.database.close()

    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        middleware=[Middleware(RawPaths), Middleware(Cors)],
        exception_handlers={HTTPException: error_answer, ClientDisconnect: caller_left},
    )
    app.router.redirect_slashes = False
    return FaultInjection(app)


def _routes() -> list[Route]:
    bucket, one = "/storage/v1/b/{bucket}", "/storage/v1/b/{bucket}/o/{name}"
    config, target = f"{bucket}/notificationConfigs", "b/{to_bucket}/o/{to_name}"
    upload = "/upload/storage/v1/b/{bucket}/o"
    return [
        Route("/_signers", register_signer, methods=["POST"]),
        Route("/batch/storage/v1", batch, methods=["POST"]),
        Route("/storage/v1/b", buckets.list_buckets, methods=["GET"]),
        Route("/storage/v1/b", buckets.insert_bucket, methods=["POST"]),
        Route(bucket, buckets.get_bucket, methods=["GET"]),
        Route(bucket, buckets.patch_bucket, methods=["PATCH", "PUT"]),
        Route(bucket, buckets.delete_bucket, methods=["DELETE"]),
        Route(config, buckets.list_notifications, methods=["GET"]),
        Route(config, buckets.insert_notification, methods=["POST"]),
        Route(f"{config}/{{number}}", buckets.get_notification, methods=["GET"]),
        Route(f"{config}/{{number}}", buckets.delete_notification, methods=["DELETE"]),
        Route(f"{bucket}/o", objects.list_objects, methods=["GET"]),
        Route(one, objects.get_object, methods=["GET"]),
        Route(one, objects.describe_object, methods=["PATCH", "PUT"]),
        Route(one, objects.delete_object, methods=["DELETE"]),
        Route(f"{one}/compose", copies.compose_object, methods=["POST"]),
        Route(f"{one}/copyTo/{target}", copies.copy_object, methods=["POST"]),
        Route(f"{one}/rewriteTo/{target}", copies.rewrite_object, methods=["POST"]),
        Route(f"/download{one}", objects.get_object, methods=["GET"]),
        Route(upload, uploads.upload_object, methods=["POST", "PUT"]),
        Route(upload, uploads.cancel_resumable, methods=["DELETE"]),
        Route("/{bucket}", upload_form, methods=["POST"]),
        Route("/{bucket}/", upload_form, methods=["POST"]),
        Route("/{bucket}/{name:path}", xml_object, methods=["GET", "PUT", "POST", "DELETE"]),
    ]
