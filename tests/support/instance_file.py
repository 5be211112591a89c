"""The stored instance as files: the whole Part 10 object, and the video inside it."""

from pathlib import Path

import httpx

from cinestow.dicomweb import wado
from cinestow.dicomweb.client import DicomWeb
from cinestow.pipeline.status import Status
from support.way import Cloud


def retrieve(cloud: Cloud, status: Status, folder: Path) -> tuple[Path, Path]:
    """``instance.dcm`` byte for byte as the store gives it, and ``video.mp4`` out of it."""
    assert status.uids is not None
    uids = status.uids
    answer = httpx.get(
        f"{cloud.running.endpoints.dicomweb}/{cloud.instance_path(status)}",
        headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'},
        timeout=60,
    ).raise_for_status()
    start = answer.content.index(b"\r\n\r\n") + 4
    end = answer.content.rindex(b"\r\n--")
    instance, video = folder / "instance.dcm", folder / "video.mp4"
    instance.write_bytes(answer.content[start:end])
    with (
        DicomWeb(cloud.running.endpoints.dicomweb) as store,
        wado.retrieve(store, uids.study, uids.series, uids.instance) as retrieved,
        video.open("wb") as file,
    ):
        file.writelines(retrieved.bit_stream())
    return instance, video
