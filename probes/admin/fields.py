"""Lists and mappings as people type them, in place of JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class WordsField(forms.CharField):
    """A list of texts, separated by commas. `each` says with a `ValidationError` what is wrong with one."""

    def __init__(self, *, each: Callable[[str], None], **options: Any) -> None:
        super().__init__(**{"widget": forms.TextInput({"class": "vTextField", "spellcheck": "false"}), **options})
        self.each = each

    def prepare_value(self, value: Any) -> Any:
        """Show a list as text, and what somebody typed as it is."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        words = [word for part in super().clean(value).split(",") if (word := part.strip())]
        errors: list[ValidationError] = []
        for word in words:
            try:
                self.each(word)
            except ValidationError as error:
                errors.append(error)
        if errors:
            raise ValidationError(errors)
        return words

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class LinesField(forms.CharField):
    """A mapping from text to text, one NAME=VALUE a line. What does not read is refused with its line."""

    widget = forms.Textarea
    separator = "="
    example = "NAME=VALUE"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "widget": forms.Textarea({"rows": 3, "cols": 60}), **options})

    def prepare_value(self, value: Any) -> Any:
        """Show a mapping as lines, and what somebody typed as it is."""
        if not isinstance(value, Mapping):
            return value
        return "\n".join(f"{name}{self.separator}{self.shown(item)}" for name, item in value.items())

    def clean(self, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, line in enumerate(super().clean(value).splitlines(), start=1):
            name, separator, text = (part.strip() for part in line.partition(self.separator.strip()))
            if not line.strip():
                continue
            if not separator or not name:
                raise ValidationError(f"Line {number}: write {self.example}.", code="line")
            if name in found:
                raise ValidationError(f"Line {number}: {name} has a value already.", code="twice")
            found[name] = self.read(text)
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def shown(self, item: Any) -> str:
        return str(item)

    def read(self, text: str) -> Any:
        return text


class HeadersField(LinesField):
    """A mapping from the name of a header to its value, as a message has them."""

    separator = ": "
    example = "NAME: VALUE"


class AddressesField(LinesField):
    """A mapping from a host to addresses, separated by commas, as curl's `--resolve` has them."""

    def shown(self, item: Any) -> str:
        return ",".join(item)

    def read(self, text: str) -> Any:
        return [address for part in text.split(",") if (address := part.strip())]
