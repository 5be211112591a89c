"""Entry points of the deployed functions: one short function each."""

import sys
from dataclasses import replace
from functools import cache

import flask
import functions_framework
from werkzeug.exceptions import HTTPException

from cinestow.cloud.gcs import GcsObjects, gcs_objects
from cinestow.cloud.messages import PubSubPublisher
from cinestow.dicomweb.client import DicomWeb
from cinestow.media.model import Limits
from cinestow.pipeline import dicomize as dicomizing
from cinestow.pipeline import handlers, messages
from cinestow.pipeline import intake as taking_in
from cinestow.pipeline import store as storing
from cinestow.pipeline import transcode as transcoding
from cinestow.pipeline import verify as verifying
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import write_to
from cinestow.render import app as renderer
from cinestow.render.services import RenderServices
from cinestow.settings import Settings, settings_from

write_to(sys.stdout)


@cache
def _settings() -> Settings:
    return settings_from()


@cache
def _objects() -> GcsObjects:
    return gcs_objects(_settings().project)


@cache
def _context() -> Context:
    settings = _settings()
    store = DicomWeb(settings.dicomweb_root) if settings.dicomweb_root else None
    limits = Limits()
    if settings.child_memory_mib is not None:
        limits = replace(limits, memory_mib=settings.child_memory_mib)
    publisher = PubSubPublisher(settings.project)
    return Context(settings, _objects(), publisher, store, limits=limits)


@cache
def _render_services() -> RenderServices:
    settings = _settings()
    return RenderServices(settings.store_root, _objects(), settings.buckets.previews)


@functions_framework.errorhandler(Exception)
def alarm(error: Exception) -> handlers.Answer | HTTPException:
    """What no function foresaw."""
    return handlers.on_error(error)


@functions_framework.http
def intake(request: flask.Request) -> handlers.Answer:
    """An object was finalized in the uploads bucket."""
    return handlers.on_object(request, _context(), taking_in.intake)


@functions_framework.http
def transcode(request: flask.Request) -> handlers.Answer:
    """One part of a plan is to be transcoded."""
    return handlers.on_message(
        request, _context(), messages.SegmentRequested, transcoding.transcode
    )


@functions_framework.http
def dicomize(request: flask.Request) -> handlers.Answer:
    """All parts stand."""
    return handlers.on_message(
        request, _context(), messages.RecordingTranscoded, dicomizing.dicomize
    )


@functions_framework.http
def store(request: flask.Request) -> handlers.Answer:
    """The instance is staged."""
    return handlers.on_message(request, _context(), messages.InstanceStaged, storing.store)


@functions_framework.http
def verify(request: flask.Request) -> handlers.Answer:
    """The store says that it holds the instance."""
    return handlers.on_message(request, _context(), messages.InstanceStored, verifying.verify)


@functions_framework.http
def render(request: flask.Request) -> flask.Response:
    """The DICOMweb front: previews, and all else passed through to the store."""
    return renderer.handle(request, _render_services())
