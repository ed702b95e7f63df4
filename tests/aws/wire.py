"""The AWS protocols as they are on the wire: which call a request is, errors in its protocol, and CBOR for CloudWatch.

moto has no CBOR; CloudWatch's newest SDKs speak nothing else. So these calls go to moto as JSON, and come back as CBOR.
"""

import datetime
import io
import json
import re
import urllib.parse
from xml.sax.saxutils import escape

import botocore.session
import cbor2

CBOR_PATH = re.compile(r"^/service/(\w+)/operation/(\w+)$")
READS = ("Describe", "List", "Get", "BatchGet", "Filter")

SESSION = botocore.session.get_session()
MODELS = {}


def model(service):
    if service not in MODELS:
        MODELS[service] = SESSION.get_service_model(service)
    return MODELS[service]


class Call:
    def __init__(self, environ):
        self.environ = environ
        length = int(environ.get("CONTENT_LENGTH") or 0)
        self.body = environ["wsgi.input"].read(length)
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        self.service = scope.group(1) if scope else "?"
        target = environ.get("HTTP_X_AMZ_TARGET")
        cbor = CBOR_PATH.match(environ.get("PATH_INFO", "/"))
        if cbor:
            self.protocol, self.service, self.operation = "cbor", "monitoring", cbor.group(2)
            self.target = f"{cbor.group(1)}.{cbor.group(2)}"
            self.params = cbor2.loads(self.body) if self.body else {}
        elif target:
            self.protocol, self.operation = "json", target.rsplit(".", 1)[1]
            self.params = json.loads(self.body or b"{}")
        else:
            pairs = urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True)
            self.params = dict(pairs)
            self.protocol = "ec2" if self.service == "ec2" else "query"
            self.operation = self.params.get("Action", "?")
        self.mutating = not self.operation.startswith(READS)

    def shown(self):
        """The parameters, for the log; secrets are not in it."""
        hidden = ("Value", "MasterUserPassword", "SecretString")
        params = {key: ("***" if key in hidden else value) for key, value in self.params.items()}
        return params

    def many(self, name):
        """A query list: Name.member.1, Name.1, …"""
        pattern = re.compile(rf"^{name}(\.member)?\.(\d+)$")
        found = [(int(match.group(2)), value) for key, value in self.params.items() if (match := pattern.match(key))]
        return [value for _, value in sorted(found)]


def error(call, code, message, status=400):
    if call.protocol == "ec2":
        body = (f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
                "<RequestID>0</RequestID></Response>")
        return status, [("Content-Type", "text/xml")], body.encode()
    if call.protocol == "query":
        body = (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
                "</Error><RequestId>0</RequestId></ErrorResponse>")
        return status, [("Content-Type", "text/xml")], body.encode()
    if call.protocol == "cbor":
        body = cbor2.dumps({"__type": code, "message": message})
        return status, [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")], body
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)]
    return status, headers, json.dumps({"__type": code, "message": message}).encode()


def query(call, result):
    """An answer of the query protocol from XML text."""
    name = call.operation
    body = (f"<{name}Response><{name}Result>{result}</{name}Result>"
            f"<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{name}Response>")
    return 200, [("Content-Type", "text/xml")], body.encode()


def reply(call, value):
    """An answer of the JSON protocol."""
    return 200, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(value).encode()


def forward(moto, call):
    environ = dict(call.environ)
    body = call.body
    if call.protocol == "cbor":
        body = json.dumps(call.params, default=plain).encode()
        environ |= {"PATH_INFO": "/", "HTTP_X_AMZ_TARGET": call.target, "CONTENT_TYPE": "application/x-amz-json-1.0"}
        environ.pop("HTTP_SMITHY_PROTOCOL", None)
        environ.pop("HTTP_ACCEPT", None)
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    result = {}

    def respond(status, headers, _=None):
        result["status"], result["headers"] = int(status.split()[0]), list(headers)

    chunks = moto(environ, respond)
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    status, headers = result["status"], result["headers"]
    if call.protocol == "cbor":
        return cbor(call, status, body)
    return status, headers, body


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    raise TypeError(type(value))


def cbor(call, status, body):
    headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
    if status >= 400:
        try:
            given = json.loads(body)
            code, message = given.get("__type", "InternalFailure"), given.get("message") or given.get("Message") or ""
        except ValueError:
            code, message = "InternalFailure", body.decode(errors="replace")[:200]
        return error(call, code.split("#")[-1], message, status)
    shape = model("cloudwatch").operation_model(call.operation).output_shape
    value = json.loads(body or b"{}")
    return status, headers, cbor2.dumps(shaped(value, shape) if shape else {})


def shaped(value, shape):
    """JSON as the model says: times are tagged, numbers are of their kind."""
    if value is None:
        return None
    if shape.type_name == "structure":
        known = {name: member for name, member in shape.members.items()}
        return {name: shaped(item, known[name]) for name, item in value.items() if name in known and item is not None}
    if shape.type_name == "list":
        return [shaped(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: shaped(item, shape.value) for key, item in value.items()}
    if shape.type_name == "timestamp":
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
        return cbor2.CBORTag(1, float(value))
    if shape.type_name in ("double", "float"):
        return float(value)
    if shape.type_name in ("integer", "long"):
        return int(value)
    return value
