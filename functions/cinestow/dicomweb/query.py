"""Small questions to a DICOMweb service, through dicomweb-client."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom.dataset import Dataset
from requests.auth import AuthBase

from cinestow.dicomweb.client import Authorization, DicomWeb, failure
from cinestow.errors import StoreUnavailable

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two bytes of the answer."""


def patients_of_study(client: DicomWeb, study: str) -> set[str]:
    """Patient IDs under which the store knows that study (QIDO-RS, PS3.18 10.6).

    Empty when the study is not there; an unidentified patient's is the empty string.
    ``StoreUnavailable`` and ``ConfigurationError`` as in ``stow.store``.
    """
    with _questions(client, f"Search for study {study}") as ask:
        found = ask.search_for_studies(search_filters={"StudyInstanceUID": study})
        return {str(Dataset.from_json(answer).get("PatientID") or "") for answer in found}


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
            raise failure(error.response.status_code, doing) from error
        except requests.RequestException as error:
            raise StoreUnavailable(f"{doing}: {type(error).__name__}: {error}") from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # Neither dicomweb-client nor pydicom checks what it takes apart.
            raise StoreUnavailable(
                f"{doing}: the answer is not the DICOM JSON asked for"
            ) from error
