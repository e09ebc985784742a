"""A reader of `/metrics`, by Prometheus' own parser."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families as read_text

Samples = dict[frozenset[tuple[str, str]], float]


def scrape(client: Any, address: str = "/metrics", **headers: str) -> str:
    response = client.get(address, **headers)
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def samples(client: Any, name: str, address: str = "/metrics") -> Samples:
    """Return the values of one name by their labels."""
    return {
        frozenset(sample.labels.items()): sample.value
        for family in read_text(scrape(client, address))
        for sample in family.samples
        if sample.name == name
    }


def value(found: Samples, **labels: str) -> float:
    """Return the one value whose labels include these."""
    (only,) = [number for key, number in found.items() if labels.items() <= dict(key).items()]
    return only


def states(found: Samples, label: str = "state", **labels: str) -> list[str]:
    """Return for which states the value is 1, of those whose labels include these."""
    return [dict(key)[label] for key, number in found.items() if number == 1 and labels.items() <= dict(key).items()]
