"""The DICOMweb front as one HTTP handler: rendered video here, everything else from the store."""

import logging

import msgspec
from flask import Request, Response
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
)

from cinestow.cloud.objects import ObjectInfo
from cinestow.errors import AlarmRaised, CinestowError
from cinestow.render import cors, passthrough, playback, problem
from cinestow.render.cache import PreviewCache
from cinestow.render.negotiation import Offer, selected
from cinestow.render.presence import content_version
from cinestow.render.renditions import MP4, OFFERS, WEBM, Renditions
from cinestow.render.services import RenderServices
from cinestow.render.target import ROOT, InstanceTarget, below_root, rendered_instance

_LOG = logging.getLogger(__name__)
_FILE_NAMES = {WEBM: "preview.webm", MP4: "video.mp4"}


def handle(request: Request, services: RenderServices) -> Response:
    """Answer one request; every failure that is foreseen becomes problem details."""
    try:
        response = _answer(request, services)
    except HTTPException as error:
        response = problem.response(error)
    except CinestowError as error:
        if isinstance(error, AlarmRaised):
            _LOG.critical("%s: %s", type(error).__name__, error)
        response = problem.response(problem.http_error(error))
    response.headers["X-Content-Type-Options"] = "nosniff"
    return cors.allow(response)


def _answer(request: Request, services: RenderServices) -> Response:
    below = below_root(request.path)
    if below is None and request.path != "/":
        raise NotFound(f"There is nothing here; the DICOMweb root is {ROOT}.")
    target = rendered_instance(below or "")
    methods = passthrough.READING
    if below and target is None:
        methods = passthrough.allowed_methods(below)
    if request.method not in methods:
        raise MethodNotAllowed(methods, f"This resource takes {', '.join(methods)}.")
    if request.method == "OPTIONS":
        return cors.preflight(", ".join(methods))
    if not below:
        return _about()
    if target:
        return _rendered(request, services, target)
    return passthrough.forward(request, services.store(_authorization(request)), below)


def _authorization(request: Request) -> str | None:
    field = request.headers.get("Authorization")
    if field is not None and not field.isascii():
        raise BadRequest("The Authorization field holds other characters than ASCII.")
    return field


def _about() -> Response:
    body = {
        "name": "Cinestow renderer",
        "dicomweb": ROOT,
        "rendered": f"{ROOT}/studies/{{}}/series/{{}}/instances/{{}}/rendered",
        "media_types": [offer.media_type for offer in OFFERS],
    }
    return Response(msgspec.json.encode(body), content_type="application/json")


def _rendered(request: Request, services: RenderServices, target: InstanceTarget) -> Response:
    """Retrieve Rendered Transaction for an instance of video (PS3.18 §10.4)."""
    offer = _chosen(request, OFFERS, "")
    store = services.store(_authorization(request))
    version = content_version(store, target)
    cache = PreviewCache(services.objects, services.previews_bucket, target, version)
    offer, info = _made(request, Renditions(services, store, cache), offer)
    delivery = playback.Delivery(
        media_type=offer.media_type,
        file_name=_FILE_NAMES[offer],
        version=version,
        range_bytes=services.range_bytes,
        whole_bytes=services.whole_bytes,
    )
    return playback.answer(request, services.objects, info, delivery)


def _made(request: Request, renditions: Renditions, offer: Offer) -> tuple[Offer, ObjectInfo]:
    """The chosen rendition; where the store holds no MP4, the next best one."""
    if offer is MP4:
        stored = renditions.mp4()
        if stored is not None:
            return MP4, stored
        offer = _chosen(request, (WEBM,), " The stored video is not H.264 in an MP4 file.")
    return offer, renditions.webm()


def _chosen(request: Request, offers: tuple[Offer, ...], reason: str) -> Offer:
    offer = selected(request.args.get("accept"), request.headers.get("Accept"), offers)
    if offer is None:
        offered = ", ".join(offer.media_type for offer in offers)
        raise NotAcceptable(f"This resource can be had as {offered}.{reason}")
    return offer
