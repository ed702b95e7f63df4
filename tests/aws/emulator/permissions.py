"""What an IAM policy allows, asked of moto's own evaluation before each call is executed.

Moto's enforcement itself names actions by the signature's scope (`monitoring:PutMetricAlarm`), which no policy does, and
sees no resources; so only its evaluation of documents is used, and of a statement only what it says about actions.
"""

import json

from moto.iam.access_control import IAMPolicy, PermissionResult

from .faults import Rule, refusal

_policies = None


def allow_only(documents):
    """From now on, only what these policies allow; None allows everything again."""
    global _policies
    _policies = None if documents is None else [IAMPolicy(json.dumps(_actions_only(one))) for one in documents]


def _actions_only(document):
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    plain = [{"Effect": one["Effect"], "Action": one["Action"], "Resource": "*"} for one in statements]
    return {"Version": "2012-10-17", "Statement": plain}


def denied(call):
    """The refusal of a call that no policy allows. Who we are may always be asked."""
    if _policies is None or call.name == "sts:GetCallerIdentity":
        return None
    answers = [policy.is_action_permitted(call.name) for policy in _policies]
    if PermissionResult.DENIED not in answers and PermissionResult.PERMITTED in answers:
        return None
    message = f"User: arn:aws:sts::123456789012:user/moto is not authorized to perform: {call.name}"
    return refusal(Rule(code="denied", message=message), call)
