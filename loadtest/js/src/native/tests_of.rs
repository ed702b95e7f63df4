//! Functions of checks that look at nothing but the response.

use oxc::ast::ast::{
    ArrowFunctionBody, BinaryOperator, BindingPattern, CallExpression, Expression, FormalParameters,
    LogicalOperator, Statement, UnaryOperator,
};

use super::{NativeNumber, NativeOrder, NativeTest};

/// The test that `expression`, a function of one parameter, makes.
pub(crate) fn function(expression: &Expression<'_>) -> Option<NativeTest> {
    match expression {
        Expression::ArrowFunctionExpression(arrow) if !arrow.r#async => {
            let parameter = parameter(&arrow.params)?;
            match &arrow.body {
                ArrowFunctionBody::FunctionBody(body) if body.directives.is_empty() => {
                    returned(&body.statements, parameter)
                }
                ArrowFunctionBody::FunctionBody(_) => None,
                body => test(body.as_expression()?, parameter),
            }
        }
        Expression::FunctionExpression(function) if !function.r#async && !function.generator => {
            let body = function.body.as_ref().filter(|b| b.directives.is_empty())?;
            let parameter = parameter(&function.params)?;
            // A function's own name would hide the parameter of no one, but keep to the plain form.
            function.id.is_none().then(|| returned(&body.statements, parameter))?
        }
        _ => None,
    }
}

fn parameter<'a>(parameters: &'a FormalParameters<'_>) -> Option<&'a str> {
    let ([parameter], None) = (parameters.items.as_slice(), &parameters.rest) else { return None };
    match (&parameter.pattern, &parameter.initializer) {
        (BindingPattern::BindingIdentifier(id), None) => Some(id.name.as_str()),
        _ => None,
    }
}

fn returned(statements: &[Statement<'_>], parameter: &str) -> Option<NativeTest> {
    match statements {
        [Statement::ReturnStatement(r)] => test(r.argument.as_ref()?, parameter),
        _ => None,
    }
}

fn test(expression: &Expression<'_>, parameter: &str) -> Option<NativeTest> {
    match expression {
        Expression::ParenthesizedExpression(inner) => test(&inner.expression, parameter),
        Expression::LogicalExpression(logical) => {
            let (left, right) =
                (Box::new(test(&logical.left, parameter)?), Box::new(test(&logical.right, parameter)?));
            match logical.operator {
                LogicalOperator::And => Some(NativeTest::And(left, right)),
                LogicalOperator::Or => Some(NativeTest::Or(left, right)),
                LogicalOperator::Coalesce => None,
            }
        }
        Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::LogicalNot => {
            Some(NativeTest::Not(Box::new(test(&unary.argument, parameter)?)))
        }
        Expression::BinaryExpression(binary) => {
            let order = order(binary.operator)?;
            match (number(&binary.left, parameter), literal(&binary.right)) {
                (Some(number), Some(bound)) => Some(NativeTest::Compare(number, order, bound)),
                _ => {
                    let number = number(&binary.right, parameter)?;
                    Some(NativeTest::Compare(number, mirrored(order), literal(&binary.left)?))
                }
            }
        }
        Expression::CallExpression(call) => includes(call, parameter),
        Expression::StaticMemberExpression(_) if property(expression, parameter)? == "body" => {
            Some(NativeTest::BodyTruthy)
        }
        _ => None,
    }
}

/// `r.name`: the name.
fn property<'a>(expression: &'a Expression<'_>, parameter: &str) -> Option<&'a str> {
    let Expression::StaticMemberExpression(member) = expression else { return None };
    match &member.object {
        Expression::Identifier(id) if id.name == parameter && !member.optional => {
            Some(member.property.name.as_str())
        }
        _ => None,
    }
}

fn number(expression: &Expression<'_>, parameter: &str) -> Option<NativeNumber> {
    if let Some(name) = property(expression, parameter) {
        return match name {
            "status" => Some(NativeNumber::Status),
            "error_code" => Some(NativeNumber::ErrorCode),
            _ => None,
        };
    }
    let Expression::StaticMemberExpression(member) = expression else { return None };
    let object = property(&member.object, parameter).filter(|_| !member.optional)?;
    match (object, member.property.name.as_str()) {
        ("body", "length") => Some(NativeNumber::BodyLength),
        ("timings", "duration") => Some(NativeNumber::Duration),
        ("timings", "waiting") => Some(NativeNumber::Waiting),
        _ => None,
    }
}

fn literal(expression: &Expression<'_>) -> Option<f64> {
    match expression {
        Expression::NumericLiteral(number) => Some(number.value),
        _ => None,
    }
}

fn includes(call: &CallExpression<'_>, parameter: &str) -> Option<NativeTest> {
    let Expression::StaticMemberExpression(member) = &call.callee else { return None };
    let on_body = property(&member.object, parameter) == Some("body");
    let plain = on_body && member.property.name == "includes" && !member.optional && !call.optional;
    match call.arguments.as_slice() {
        [argument] if plain => match argument.as_expression()? {
            Expression::StringLiteral(text) if !text.lone_surrogates => {
                Some(NativeTest::BodyIncludes(text.value.to_string()))
            }
            _ => None,
        },
        _ => None,
    }
}

fn order(operator: BinaryOperator) -> Option<NativeOrder> {
    Some(match operator {
        BinaryOperator::Equality | BinaryOperator::StrictEquality => NativeOrder::Equal,
        BinaryOperator::Inequality | BinaryOperator::StrictInequality => NativeOrder::NotEqual,
        BinaryOperator::LessThan => NativeOrder::Less,
        BinaryOperator::LessEqualThan => NativeOrder::LessOrEqual,
        BinaryOperator::GreaterThan => NativeOrder::Greater,
        BinaryOperator::GreaterEqualThan => NativeOrder::GreaterOrEqual,
        _ => return None,
    })
}

fn mirrored(order: NativeOrder) -> NativeOrder {
    match order {
        NativeOrder::Less => NativeOrder::Greater,
        NativeOrder::LessOrEqual => NativeOrder::GreaterOrEqual,
        NativeOrder::Greater => NativeOrder::Less,
        NativeOrder::GreaterOrEqual => NativeOrder::LessOrEqual,
        NativeOrder::Equal | NativeOrder::NotEqual => order,
    }
}
