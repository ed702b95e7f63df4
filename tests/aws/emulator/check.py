"""Whether a request is one that AWS's own model allows: names, types, lengths, ranges, enumerations, patterns."""

import re
from functools import cache
from urllib.parse import parse_qsl

from botocore import serialize
from botocore.validate import ParamValidator

from .wire import CBOR


def problems(call):
    """What is wrong with a request, in words; an empty list when nothing is."""
    shape = call.model.input_shape
    if shape is None:
        return []
    report = ParamValidator().validate(call.params, shape)
    found = [report.generate_report()] if report.has_errors() else []
    found += list(_walk(call.params, shape, ""))
    return found + _unknown(call)


def _walk(value, shape, path):
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, one in value.items():
            if name in shape.members:
                yield from _walk(one, shape.members[name], f"{path}.{name}")
    elif kind == "list" and isinstance(value, list):
        yield from _length(len(value), shape, path)
        for number, one in enumerate(value):
            yield from _walk(one, shape.member, f"{path}[{number}]")
    elif kind == "map" and isinstance(value, dict):
        for key, one in value.items():
            yield from _walk(one, shape.value, f"{path}.{key}")
    elif kind == "string" and isinstance(value, str):
        yield from _length(len(value), shape, path)
        if shape.enum and value not in shape.enum:
            yield f"{path}: {value!r} is none of {shape.enum}"
        pattern = _pattern(shape.metadata.get("pattern"))
        if pattern and not pattern.search(value):
            yield f"{path}: {value!r} does not match {shape.metadata['pattern']}"
    elif kind in ("integer", "long", "float", "double") and isinstance(value, (int, float)):
        yield from _length(value, shape, path)


def _length(size, shape, path):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{path}: {size} is less than {least}"
    if most is not None and size > most:
        yield f"{path}: {size} is more than {most}"


@cache
def _pattern(text):
    """Patterns of the models are Java's; those that Python does not read are left out."""
    try:
        return re.compile(f"^(?:{text})$") if text else None
    except re.error:
        return None


def _unknown(call):
    """Names that the model does not have. The parser has dropped them, so they are what a request loses on the way."""
    if call.protocol in ("json", CBOR):
        return list(_strangers(call.params, call.model.input_shape, ""))
    sent = {name for name, _ in parse_qsl(call.body.decode(), keep_blank_values=True)}
    serializer = serialize.create_serializer(call.protocol, include_validation=False)
    understood = set(serializer.serialize_to_request(call.params, call.model)["body"])
    # An empty list is one name without a value.
    strangers = {name for name in sent - understood if not any(other.startswith(name + ".") for other in understood)}
    values = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    return [f"{name} is unknown to {call.name}" for name in sorted(strangers) if values.get(name) != ""]


def _strangers(value, shape, path):
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, one in value.items():
            if name in shape.members:
                yield from _strangers(one, shape.members[name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is unknown"
    elif shape.type_name == "list" and isinstance(value, list):
        for one in value:
            yield from _strangers(one, shape.member, f"{path}[]")
