import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from tests.fakes.cloud import ECR_HOST, Cloud


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def cloud(authority: trustme.CA) -> AsyncIterator[Cloud]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", ECR_HOST).configure_cert(context)
    async with Cloud(context, authority.cert_pem.bytes().decode()) as cloud:
        yield cloud
