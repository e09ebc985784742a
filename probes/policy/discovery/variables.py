"""`${NAME}` in Compose files and Dockerfiles, with the defaults that may stand in it.

Source: the Compose specification, 12-interpolation; the Dockerfile reference, "environment replacement".
"""

import re
from collections.abc import Mapping
from typing import Final

MAX_TEXT: Final = 4096
"""Characters of what comes of a substitution: no reference is as long."""

_MAX_DEPTH: Final = 8  # of defaults in defaults
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS: Final = (":-", ":+", ":?", "-", "+", "?")


class VariableUnset(ValueError):
    """A variable without a value, or used in a way that is not read here; the message names it."""


def substituted(text: str, values: Mapping[str, str], *, escape: str) -> str:
    r"""Return `text` with its variables filled in. `escape` is how a plain `$` is written: `$$` or `\$`.

    Raises `VariableUnset` for one that has no value and no default.
    """
    return _filled(text, values, escape, 0)


def _filled(text: str, values: Mapping[str, str], escape: str, depth: int) -> str:
    if "$" not in text:
        return text
    if depth > _MAX_DEPTH or len(text) > MAX_TEXT:
        raise VariableUnset("variables in variables, more than are read")
    parts: list[str] = []
    length = at = 0
    while at < len(text):
        if text.startswith(escape, at):
            part, at = "$", at + 2
        elif text[at] != "$":
            end = min(
                (found for found in (text.find("$", at), text.find(escape, at)) if found >= 0), default=len(text)
            )
            part, at = text[at:end], end
        elif text.startswith("${", at):
            end = _closing(text, at + 2)
            part, at = _braced(text[at + 2 : end], values, escape, depth), end + 1
        elif name := _NAME.match(text, at + 1):
            part, at = _value(name.group(), values), name.end()
        else:
            raise VariableUnset(f"a $ at character {at + 1} that names no variable")
        length += len(part)
        if length > MAX_TEXT:
            raise VariableUnset(f"more than {MAX_TEXT} characters with its variables filled in")
        parts.append(part)
    return "".join(parts)


def _closing(text: str, start: int) -> int:
    """Return where the brace that was opened before `start` is closed."""
    depth = 1
    for at in range(start, len(text)):
        if text[at] == "{" and text[at - 1] == "$":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
    raise VariableUnset("a ${ that is never closed")


def _braced(inside: str, values: Mapping[str, str], escape: str, depth: int) -> str:
    name = _NAME.match(inside)
    if name is None:
        raise VariableUnset(f"${{{inside[:40]}}} names no variable")
    rest = inside[name.end() :]
    if not rest:
        return _value(name.group(), values)
    operator = next((known for known in _OPERATORS if rest.startswith(known)), "")
    if not operator:
        raise VariableUnset(f"${{{inside[:40]}}} is not read here")
    value = values.get(name.group())
    has_value = bool(value) if operator.startswith(":") else value is not None
    other = rest[len(operator) :]
    if operator.endswith("+"):
        return _filled(other, values, escape, depth + 1) if has_value else ""
    if has_value:
        return value or ""
    if operator.endswith("?"):
        raise VariableUnset(f"{name.group()} is not set")
    return _filled(other, values, escape, depth + 1)


def _value(name: str, values: Mapping[str, str]) -> str:
    value = values.get(name)
    if value is None:
        raise VariableUnset(f"{name} is not set")
    return value
