"""The renderer as functions-framework loads it, over a folder instead of a bucket."""

import os
from pathlib import Path

import functions_framework
from flask import Request, Response

from cinestow.cloud.files import FileObjects
from cinestow.render.app import handle
from cinestow.render.services import RenderServices

SERVICES = RenderServices(
    dicomweb_root=os.environ["CINESTOW_DICOMWEB_ROOT"],
    objects=FileObjects(Path(os.environ["CINESTOW_TEST_OBJECTS"])),
    previews_bucket="previews",
)


@functions_framework.http
def render(request: Request) -> Response:
    return handle(request, SERVICES)
