"""The images of a Compose file. Source: the Compose specification, 05-services, 12-interpolation, 14-include."""

from collections.abc import Mapping as Values
from typing import Final

from probes.policy.discovery.finding import Notebook, Place
from probes.policy.discovery.nodes import Mapping, Sequence
from probes.policy.discovery.variables import VariableUnset, substituted

MAX_ENV_LINES: Final = 5000


def is_compose(document: Mapping) -> bool:
    """Tell whether this may be a Compose file: services by their names, and no object of Kubernetes."""
    services = document.get("services")
    return isinstance(services, Mapping) and not document.text("kind") and any(map(_is_service, services.values()))


def _is_service(value: object) -> bool:
    return isinstance(value, Mapping) and not value.keys().isdisjoint({"image", "build", "extends"})


def read(document: Mapping, file: str, values: Values[str, str], book: Notebook) -> None:
    """Note the images of a Compose file's services; `values` are those of its variables."""
    services = document.map("services")
    for name, service in services.items():
        if isinstance(service, Mapping):
            _read_service(name, service, services, file, values, book)
    for line, path in _included(document):
        _want(path, Place(file, line, "include"), values, book)


def read_env(text: str) -> dict[str, str]:
    """Return the variables of a `.env` file."""
    values = {}
    for line in text.splitlines()[:MAX_ENV_LINES]:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        else:
            value = value.partition(" #")[0].rstrip()
        values[name.strip()] = value
    return values


def _read_service(
    name: str, service: Mapping, services: Mapping, file: str, values: Values[str, str], book: Notebook
) -> None:
    profiles = [text for text in service.list("profiles") if isinstance(text, str)]
    what = f"service {name}" + (f", only with the profile {' or '.join(profiles)}" if profiles else "")
    place = Place(file, service.line_of("image"), what)
    if image := service.text("image"):
        _note_image(image, service.text("platform"), place, values, book)
    elif "build" in service:
        book.note(place, "it is built here, and has no image to pull")
    elif "extends" in service:
        _read_extended(service, services, place, values, book)
    else:
        book.note(place, "it names no image")


def _note_image(image: str, platform: str, place: Place, values: Values[str, str], book: Notebook) -> None:
    try:
        reference = substituted(image, values, escape="$$")
        on = substituted(platform, values, escape="$$")
    except VariableUnset as error:
        book.gap(place, f"{image!a}: {error}")
        return
    book.image(reference, place, on)


def _read_extended(
    service: Mapping, services: Mapping, place: Place, values: Values[str, str], book: Notebook
) -> None:
    extended = service.map("extends")
    path = extended.text("file")
    base = extended.text("service") or service.text("extends")
    if path:
        book.note(place, f"it extends {base} of {path}, where its image is")
        _want(path, place, values, book)
    elif base in services:
        book.note(place, f"it extends {base}, where its image is")
    else:
        book.gap(place, f"it extends {base!a}, which is not in this file")


def _want(path: str, place: Place, values: Values[str, str], book: Notebook) -> None:
    try:
        book.want(place, substituted(path, values, escape="$$"))
    except VariableUnset as error:
        book.gap(place, f"{path!a}: {error}")


def _included(document: Mapping) -> list[tuple[int, str]]:
    """Return the paths of other files, with their lines."""
    found = []
    listed = document.list("include")
    for line, item in zip(listed.lines, listed, strict=True):
        paths: object = item.get("path") if isinstance(item, Mapping) else item
        found += [
            (line, path) for path in (paths if isinstance(paths, Sequence) else [paths]) if isinstance(path, str)
        ]
    return found
