"""Reading the pages as a person does: what is in a row, in a cell, in the headline."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "input", "img", "br"})


@dataclass
class Element:
    """One element: its attributes, and its text with what is folded away or hidden."""

    tag: str
    attributes: dict[str, str]
    text: str = ""

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()


class Page(HTMLParser):
    """The elements of a page that have an id, by it; and every element, in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        for element in self.elements:
            element.text = re.sub(r"\s+", " ", element.text).strip()

    def __getitem__(self, element_id: str) -> Element:
        (element,) = (element for element in self.elements if element.attributes.get("id") == element_id)
        return element

    def __contains__(self, element_id: str) -> bool:
        return any(element.attributes.get("id") == element_id for element in self.elements)

    def all(self, tag: str, css_class: str = "") -> list[Element]:
        return [
            element
            for element in self.elements
            if element.tag == tag and (not css_class or css_class in element.classes)
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag != "span":  # what stands in another place is another word
            self.handle_data(" ")
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data
