"""The images of the Dockerfile, built once for all tests that run what is in them."""

import pytest

from tests.deploy import cell


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> cell.Images:
    if why := cell.missing():
        pytest.skip(f"containers are imitated by namespaces: {why}")
    return cell.Images(tmp_path_factory.mktemp("images"))
