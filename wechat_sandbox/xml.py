"""Writes pushed XML the way WeChat does, and reads replies without trusting them."""

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

# XML 1.0 cannot hold these characters at all, so the platform drops them from what a user typed.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class XmlError(Exception):
    """The text is not the plain XML that WeChat reads; the message says why."""


def render(fields: Mapping[str, object]) -> str:
    """`<xml>` around the fields, one a line: text in CDATA, whole numbers bare."""
    return "<xml>" + "\n".join(_element(name, value) for name, value in fields.items()) + "\n</xml>"


def cdata(text: str) -> str:
    """Text as CDATA; a `]]>` inside is split over two sections."""
    return "<![CDATA[" + FORBIDDEN.sub("", text).replace("]]>", "]]]]><![CDATA[>") + "]]>"


def parse(text: str) -> ElementTree.Element:
    """The `<xml>` element; a DOCTYPE, an unescaped `]]>` or another root is refused."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlError("a DOCTYPE is not allowed")
    # After the end of a CDATA section only a tag may follow: anything else was cut out of the text by
    # a `]]>` that the sender did not split.
    if re.search(r"\]\]>(?!\s*<)", text):
        raise XmlError("an unescaped ]]> ends a CDATA section early")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise XmlError(f"not well-formed XML: {error}") from error
    if root.tag != "xml":
        raise XmlError(f"the root element is <{root.tag}>, not <xml>")
    return root


def _element(name: str, value: object) -> str:
    """One element; a list of mappings is the element several times."""
    if isinstance(value, str):
        inner = cdata(value)
    elif isinstance(value, int):
        inner = str(value)
    elif isinstance(value, Mapping):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, Sequence):
        return "".join(_element(name, item) for item in value)
    else:
        raise TypeError(f"{name} cannot be written as XML")
    return f"<{name}>{inner}</{name}>"
