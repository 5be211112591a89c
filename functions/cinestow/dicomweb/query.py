"""Small questions to a DICOMweb service, through dicomweb-client: metadata and search."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom.dataset import Dataset
from requests.auth import AuthBase

from cinestow.dicomweb.client import Authorization, DicomWeb, failure
from cinestow.dicomweb.wado import NOT_FOUND
from cinestow.errors import InstanceNotFound, StoreUnavailable

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two bytes of the answer."""


@dataclass(frozen=True)
class InstancePlace:
    """Where an instance is filed."""

    study: str
    series: str
    instance: str


def metadata(client: DicomWeb, study: str, series: str, instance: str) -> Dataset:
    """The attributes of an instance as DICOM JSON gives them (PS3.18 10.4.1.1.2).

    Group 2 is not among them, and what the store gives by URI is left empty. ``InstanceNotFound``,
    ``StoreUnavailable`` and ``ConfigurationError`` as in ``wado.retrieve``.
    """
    doing = f"Metadata of instance {instance}"
    with _questions(client, doing) as ask:
        return _dataset(ask.retrieve_instance_metadata(study, series, instance))


def find_instance(client: DicomWeb, instance: str) -> InstancePlace | None:
    """Where the store has filed that SOP Instance UID, in whatever study (QIDO-RS, PS3.18 10.6)."""
    doing = f"Search for instance {instance}"
    with _questions(client, doing) as ask:
        found = ask.search_for_instances(search_filters={"SOPInstanceUID": instance}, limit=1)
        if not found:
            return None
        place = _dataset(found[0])
        return InstancePlace(place.StudyInstanceUID, place.SeriesInstanceUID, instance)


class _Authorized(AuthBase):
    """Our authorisation on each request; it also keeps requests from looking into ~/.netrc."""

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._authorization())
        return request


@contextmanager
def _questions(client: DicomWeb, doing: str) -> Iterator[DICOMwebClient]:
    """A dicomweb-client for one question, without its own retries, with our exceptions."""
    with requests.Session() as session:
        session.auth = _Authorized(client.authorization)
        ask = DICOMwebClient(client.root_url, session=session, timeout=TIMEOUT)
        ask.set_http_retry_params(retry=False)
        try:
            yield ask
        except requests.HTTPError as error:
            status = error.response.status_code
            if status in NOT_FOUND:
                raise InstanceNotFound(f"{doing}: HTTP {status}") from error
            raise failure(status, doing) from error
        except requests.RequestException as error:
            raise StoreUnavailable(f"{doing}: {type(error).__name__}: {error}") from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # Neither dicomweb-client nor pydicom checks what it takes apart.
            raise StoreUnavailable(
                f"{doing}: the answer is not the DICOM JSON asked for"
            ) from error


def _dataset(answer: dict[str, Any]) -> Dataset:
    return Dataset.from_json(answer, bulk_data_uri_handler=_left_empty)


def _left_empty(tag: str, vr: str, uri: str) -> None:
    """Bulk data is retrieved by nobody here."""
