"""The four protocols that the services speak: what a request asks for, and answers and errors as bytes.

Everything above this file sees an operation as a name and its parameters and results as plain dictionaries.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

import cbor2
from botocore import parsers, serialize
from botocore.awsrequest import HeadersDict
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import SERIALIZERS
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

# By the service of the signature's scope: botocore's name, and the prefix that IAM uses.
SERVICES = {
    "acm": ("acm", "acm"),
    "application-autoscaling": ("application-autoscaling", "application-autoscaling"),
    "autoscaling": ("autoscaling", "autoscaling"),
    "ec2": ("ec2", "ec2"),
    "ecr": ("ecr", "ecr"),
    "ecs": ("ecs", "ecs"),
    "elasticloadbalancing": ("elbv2", "elasticloadbalancing"),
    "iam": ("iam", "iam"),
    "logs": ("logs", "logs"),
    "monitoring": ("cloudwatch", "cloudwatch"),
    "rds": ("rds", "rds"),
    "secretsmanager": ("secretsmanager", "secretsmanager"),
    "servicequotas": ("service-quotas", "servicequotas"),
    "ssm": ("ssm", "ssm"),
    "sts": ("sts", "sts"),
    "tagging": ("resourcegroupstaggingapi", "tag"),
}
SCOPES = {service: scope for scope, (service, _) in SERVICES.items()}
READS = re.compile(r"^(Describe|Get|List|BatchGet|BatchCheck|Head|Filter|Lookup|Search|Simulate|Validate)")
CBOR = "cbor"


class Refused(Exception):
    """An error that AWS would answer."""

    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes


@dataclass
class Call:
    """One request to a service."""

    service: str
    operation: str
    protocol: str
    path: str
    method: str
    headers: dict
    body: bytes
    params: dict = field(default_factory=dict)

    @property
    def name(self):
        """As IAM writes it."""
        return f"{SERVICES[SCOPES[self.service]][1]}:{self.operation}"

    @property
    def is_mutating(self):
        return not READS.match(self.operation)

    @property
    def model(self):
        return operation_model(self.service, self.operation)


@cache
def operation_model(service, operation):
    return get_service_model(service).operation_model(operation)


def parse(method, path, headers, body):
    """The call in a request, or None when it is not one to a service that we know."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", headers.get("authorization", ""))
    service, _ = SERVICES.get(scope.group(1) if scope else "", (None, None))
    if service is None:
        return None
    remote = re.fullmatch(r"/service/[^/]+/operation/(\w+)", path)
    target = headers.get("x-amz-target")
    if remote:
        operation, protocol, params = remote.group(1), CBOR, cbor2.loads(body) if body else {}
    elif target:
        operation, protocol, params = target.rpartition(".")[2], "json", None
    else:
        operation = dict(parse_qsl(body.decode())).get("Action", "")
        protocol, params = "ec2" if service == "ec2" else "query", None
    call = Call(service, operation, protocol, path, method, headers, body)
    call.params = params if params is not None else _params(call)
    return call


def _params(call):
    if call.protocol == "json":
        # Moto's parser of JSON hides names that the model does not know; the check wants to see them.
        return json.loads(call.body or b"{}")
    pairs = parse_qsl(call.body.decode(), keep_blank_values=True)
    request = {
        "body": call.body,
        "headers": Headers(call.headers),
        "method": call.method,
        "url_params": {},
        "url_path": call.path,
        "values": MultiDict(pairs),
    }
    return PROTOCOL_PARSERS[call.protocol](call.model).parse(request) or {}


def request(service, operation, params):
    """A call of our own, as a client would send it."""
    model = operation_model(service, operation)
    protocol = "json" if service == "cloudwatch" else model.service_model.protocol
    made = serialize.create_serializer(protocol, include_validation=False).serialize_to_request(params, model)
    body = made["body"]
    body = urlencode(body).encode() if isinstance(body, dict) else body
    scope = SCOPES[service]
    headers = {name.lower(): value for name, value in made["headers"].items()}
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential=AKIAOWN/20200101/us-east-1/{scope}/aws4_request, Signature=0"
    )
    if isinstance(model.metadata.get("protocols"), list) and protocol == "json":
        headers["x-amz-target"] = f"{model.metadata['targetPrefix']}.{operation}"
    return Call(service, operation, protocol, "/", "POST", headers, body, params)


def as_json(call):
    """The same call in JSON, for moto, which knows no CBOR."""
    plain = request(call.service, call.operation, call.params)
    plain.headers["authorization"] = call.headers.get("authorization", plain.headers["authorization"])
    return plain


def result(call, reply):
    """What an answer says; raises Refused for an error."""
    response = {"body": reply.body, "headers": HeadersDict(reply.headers), "status_code": reply.status}
    parsed = parsers.create_parser(call.protocol).parse(response, call.model.output_shape)
    if reply.status >= 300:
        error = parsed.get("Error", {})
        raise Refused(error.get("Code") or "InternalFailure", error.get("Message") or "", reply.status)
    parsed.pop("ResponseMetadata", None)
    return parsed


def answer(call, value):
    """A result as bytes."""
    if call.protocol == CBOR:
        shape = call.model.output_shape
        body = cbor2.dumps(_typed(value, shape), datetime_as_timestamp=True, timezone=timezone.utc)
        return Reply(200, {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body)
    made = SERIALIZERS[call.protocol](operation_model=call.model).serialize(value)
    headers = {name.lower(): str(text) for name, text in made["headers"].items()}
    body = made["body"]
    return Reply(made["status_code"], headers, body.encode() if isinstance(body, str) else body)


def _typed(value, shape):
    """Numbers and times as the model has them; CBOR tells them apart."""
    if value is None or shape is None:
        return value
    if shape.type_name == "structure":
        return {
            name: _typed(value[name], member) for name, member in shape.members.items() if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [_typed(one, shape.member) for one in value]
    if shape.type_name == "map":
        return {key: _typed(one, shape.value) for key, one in value.items()}
    if shape.type_name in ("double", "float"):
        return float(value)
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name == "timestamp" and not isinstance(value, datetime):
        return datetime.fromtimestamp(float(value), timezone.utc)
    return value


def error(call, refused):
    """An error as bytes, in the call's own protocol."""
    code, message = refused.code, refused.message
    if call.protocol == "ec2":
        text = f"<Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        return _xml(refused.status, f"<Response>{text}<RequestID>0</RequestID></Response>")
    if call.protocol == "query":
        kind = "Sender" if refused.status < 500 else "Receiver"
        text = f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return _xml(refused.status, f"<ErrorResponse>{text}<RequestId>0</RequestId></ErrorResponse>")
    content = {"__type": code, "message": message}
    if call.protocol == CBOR:
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        headers["x-amzn-query-error"] = f"{code};{'Sender' if refused.status < 500 else 'Receiver'}"
        return Reply(refused.status, headers, cbor2.dumps(content))
    headers = {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
    return Reply(refused.status, headers, json.dumps(content).encode())


def _xml(status, text):
    return Reply(status, {"content-type": "text/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode())
