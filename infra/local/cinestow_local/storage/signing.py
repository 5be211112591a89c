"""V4 signatures, in URLs and in form policies.

A signature can be verified only with the signer's public key, which Google keeps for each service
account. Here ``POST /_signers {"email", "public_key"}`` makes a signer known. What an unknown
signer signed is checked for form and time alone, and the log says so.
"""

import binascii
import hashlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cinestow_local.storage.database import Database
from cinestow_local.storage.preconditions import whole_number
from cinestow_local.storage.wire import storage

ALGORITHM = "GOOG4-RSA-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
LONGEST_LIFE = timedelta(days=7)
CLOCK_SKEW = timedelta(minutes=15)
logger = logging.getLogger(__name__)


class Signer(msgspec.Struct, forbid_unknown_fields=True):
    """A service account and its public RSA key (PEM)."""

    email: str
    public_key: str


async def register_signer(request: Request) -> Response:
    """``POST /_signers``."""
    try:
        signer = msgspec.json.decode(await request.body(), type=Signer)
        _public_key(signer.public_key)
    except (msgspec.MsgspecError, ValueError) as error:
        raise HTTPException(400, f"Not a signer: {error}") from error
    storage(request).database.execute(
        "INSERT OR REPLACE INTO signers VALUES (?, ?)", signer.email, signer.public_key
    )
    return JSONResponse({"email": signer.email})


def verify_signed_url(request: Request) -> None:
    """Check a V4 signed URL; a call without a signature passes. Raises 400, 403."""
    query = request.query_params
    if not any(name.lower().startswith("x-goog-") for name in query):
        return
    missing = {"Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"} - {
        name.removeprefix("X-Goog-") for name in query
    }
    if missing:
        raise HTTPException(400, f"The signed URL lacks {', '.join(sorted(missing))}.")
    begins = _time(query["X-Goog-Date"])
    life = timedelta(seconds=whole_number(query, "X-Goog-Expires") or 0)
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise HTTPException(400, "X-Goog-Expires has to be 1 to 604800 seconds.")
    if datetime.now(UTC) > begins + life:
        raise HTTPException(400, "The provided token has expired.")
    if datetime.now(UTC) < begins - CLOCK_SKEW:
        raise HTTPException(403, "The signed URL is not valid yet.")
    scope = _scope(query)
    canonical = hashlib.sha256(_canonical_request(request).encode()).hexdigest()
    signed = "\n".join((ALGORITHM, query["X-Goog-Date"], scope, canonical))
    verify_signature(storage(request).database, query, signed.encode())


def verify_signature(database: Database, said: Mapping[str, str], signed: bytes) -> None:
    """Check who signed, and with a known signer's key what. Raises 400, 403.

    ``said`` has the names of query parameters (X-Goog-Signature...).
    """
    if said["X-Goog-Algorithm"] != ALGORITHM:
        raise HTTPException(400, f"X-Goog-Algorithm has to be {ALGORITHM}.")
    _scope(said)
    try:
        signature = binascii.unhexlify(said["X-Goog-Signature"])
    except ValueError as error:
        raise HTTPException(400, "X-Goog-Signature is not hexadecimal.") from error
    email = said["X-Goog-Credential"].split("/")[0]
    row = database.row("SELECT public_key FROM signers WHERE email=?", email)
    if row is None:
        logger.warning("signature of an unknown signer accepted unverified; see POST /_signers")
        return
    try:
        _public_key(row[0]).verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise HTTPException(403, "The signature does not match the request.") from error


def _public_key(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the key is not an RSA key")
    return key


def _scope(said: Mapping[str, str]) -> str:
    """The credential's scope: DATE/LOCATION/storage/goog4_request, of the day it was signed."""
    scope = said["X-Goog-Credential"].partition("/")[2]
    parts = scope.split("/")
    if len(parts) != 4 or parts[2:] != ["storage", "goog4_request"]:
        raise HTTPException(
            400, "X-Goog-Credential has to end in DATE/LOCATION/storage/goog4_request."
        )
    if parts[0] != said["X-Goog-Date"][:8]:
        raise HTTPException(400, "X-Goog-Credential and X-Goog-Date name different days.")
    return scope


def _canonical_request(request: Request) -> str:
    """What the signer signed, rebuilt from the call. Raises 400 where a signed header is absent."""
    names = request.query_params["X-Goog-SignedHeaders"].split(";")
    absent = [name for name in names if name not in request.headers]
    if absent or "host" not in names:
        raise HTTPException(400, f"Signed headers are missing from the call: {', '.join(absent)}")
    headers = [f"{name}:{' '.join(request.headers[name].split())}\n" for name in names]
    query = "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in sorted(request.query_params.multi_items())
        if name != "X-Goog-Signature"
    )
    return "\n".join(
        (
            request.method,
            request.scope["raw_path"].decode("ascii"),
            query,
            "".join(headers),
            ";".join(names),
            request.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise HTTPException(400, "X-Goog-Date has to be YYYYMMDDTHHMMSSZ.") from error
