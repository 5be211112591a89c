"""One storage server for this folder's tests; every test has a bucket of its own."""

import uuid
from collections.abc import Iterator

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import storage
from google.oauth2 import service_account

from support.storage import StorageServer, storage_client, storage_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    with storage_server(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture(scope="session")
def url(server: StorageServer) -> str:
    return server.url


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[storage.Client]:
    client = storage_client(url)
    yield client
    client.close()


@pytest.fixture
def bucket(client: storage.Client) -> storage.Bucket:
    return client.create_bucket(f"b-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture(scope="session")
def signer(url: str) -> service_account.Credentials:
    """A service account whose public key the server knows, as Google would."""
    return new_signer(url, "uploader@test-project.iam")


def new_signer(url: str, email: str) -> service_account.Credentials:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    answer = requests.post(
        f"{url}/_signers", json={"email": email, "public_key": public.decode()}, timeout=10
    )
    assert answer.status_code == 200
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return service_account.Credentials.from_service_account_info(
        {"client_email": email, "private_key": private.decode(), "token_uri": "http://localhost"}
    )
