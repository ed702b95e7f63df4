//! The one form of script that needs no interpreter, recognised in its syntax.

use std::collections::HashMap;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Argument, ArrowFunctionBody, BindingPattern, CallExpression, Declaration, ExportDefaultDeclarationKind,
    Expression, FormalParameters, ImportDeclaration, ImportDeclarationSpecifier, ObjectPropertyKind, Program,
    PropertyKey, Statement, VariableDeclaration, VariableDeclarationKind,
};
use oxc::parser::Parser;
use oxc::span::SourceType;

use super::NativeTest;
use super::tests_of;

/// What the statements of an iteration do, without the data, which the probe adds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outline {
    Request,
    Check { request: usize, tests: Vec<(String, NativeTest)> },
    Sleep,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Http,
    Check,
    Sleep,
    /// Cannot change and does not depend on anything that does.
    Constant,
    Response(usize),
    /// Something an iteration may not use.
    Other,
}

type Names = HashMap<String, Role>;

/// The outline of the exported function `exec`, if the module `code` has the form.
pub(crate) fn outline(code: &str, exec: &str) -> Option<Vec<Outline>> {
    let allocator = Allocator::default();
    let read = Parser::new(&allocator, code, SourceType::mjs()).parse();
    if !read.diagnostics.is_empty() {
        return None;
    }
    let names = top_level(&read.program)?;
    let statements = function(&read.program, exec)?;
    let mut reader = Reader { names, requests: 0, steps: Vec::new() };
    for statement in statements {
        reader.statement(statement)?;
    }
    Some(reader.steps)
}

/// The names of the module; `None` if anything happens at the top level besides declaring.
fn top_level(program: &Program<'_>) -> Option<Names> {
    let mut names = Names::new();
    names.insert("__ENV".to_owned(), Role::Constant);
    for statement in &program.body {
        let declaration = match statement {
            Statement::ImportDeclaration(import) => {
                imported(import, &mut names)?;
                continue;
            }
            Statement::ExportDefaultDeclaration(_) | Statement::EmptyStatement(_) => continue,
            Statement::ExportDeclaration(export) => &export.declaration,
            Statement::VariableDeclaration(variables) => {
                top_level_variables(variables, &mut names)?;
                continue;
            }
            Statement::FunctionDeclaration(function) => {
                names.insert(function.id.as_ref()?.name.to_string(), Role::Other);
                continue;
            }
            _ => return None,
        };
        match declaration {
            Declaration::VariableDeclaration(variables) => top_level_variables(variables, &mut names)?,
            Declaration::FunctionDeclaration(function) => {
                names.insert(function.id.as_ref()?.name.to_string(), Role::Other);
            }
            _ => return None,
        }
    }
    Some(names)
}

fn imported(import: &ImportDeclaration<'_>, names: &mut Names) -> Option<()> {
    let module = import.source.value.as_str();
    if !matches!(module, "k6" | "k6/http" | "k6/metrics") {
        return None;
    }
    for specifier in import.specifiers.iter().flatten() {
        let (local, role) = match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(s) => {
                let role = match (module, s.imported.name().as_str()) {
                    ("k6", "check") => Role::Check,
                    ("k6", "sleep") => Role::Sleep,
                    _ => Role::Other,
                };
                (&s.local, role)
            }
            ImportDeclarationSpecifier::ImportDefaultSpecifier(s) => {
                (&s.local, if module == "k6/http" { Role::Http } else { Role::Other })
            }
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(s) => {
                (&s.local, if module == "k6/http" { Role::Http } else { Role::Other })
            }
        };
        names.insert(local.name.to_string(), role);
    }
    Some(())
}

/// Every variable of the module has to be a constant, or a function, which nothing that runs natively calls.
fn top_level_variables(variables: &VariableDeclaration<'_>, names: &mut Names) -> Option<()> {
    for variable in &variables.declarations {
        let BindingPattern::BindingIdentifier(id) = &variable.id else { return None };
        let role = match &variable.init {
            None => Role::Other,
            Some(Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)) => Role::Other,
            Some(init) if constant(init, names) => Role::Constant,
            Some(_) => return None,
        };
        // What can be assigned to is no constant.
        let fixed = variables.kind == VariableDeclarationKind::Const;
        names.insert(id.name.to_string(), if fixed { role } else { Role::Other });
    }
    Some(())
}

/// The statements of an exported function.
fn function<'a, 'b>(program: &'b Program<'a>, exec: &str) -> Option<&'b [Statement<'a>]> {
    for statement in &program.body {
        match statement {
            Statement::ExportDefaultDeclaration(export) if exec == "default" => {
                return match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(f) => plain_function(f),
                    ExportDefaultDeclarationKind::ArrowFunctionExpression(arrow) => arrow_body(arrow),
                    _ => None,
                };
            }
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::FunctionDeclaration(f) if f.id.as_ref().is_some_and(|id| id.name == exec) => {
                    return plain_function(f);
                }
                Declaration::VariableDeclaration(variables) => {
                    let named = |pattern: &BindingPattern<'_>| matches!(pattern, BindingPattern::BindingIdentifier(id) if id.name == exec);
                    let found = variables.declarations.iter().find(|v| named(&v.id));
                    if let Some(Expression::ArrowFunctionExpression(arrow)) =
                        found.and_then(|v| v.init.as_ref())
                    {
                        return arrow_body(arrow);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    None
}

fn plain_function<'a, 'b>(function: &'b oxc::ast::ast::Function<'a>) -> Option<&'b [Statement<'a>]> {
    let body = function.body.as_ref().filter(|b| b.directives.is_empty())?;
    (!function.r#async && !function.generator && no_parameters(&function.params))
        .then(|| body.statements.as_slice())
}

fn arrow_body<'a, 'b>(arrow: &'b oxc::ast::ast::ArrowFunctionExpression<'a>) -> Option<&'b [Statement<'a>]> {
    let ArrowFunctionBody::FunctionBody(body) = &arrow.body else { return None };
    (!arrow.r#async && no_parameters(&arrow.params) && body.directives.is_empty())
        .then(|| body.statements.as_slice())
}

fn no_parameters(parameters: &FormalParameters<'_>) -> bool {
    parameters.items.is_empty() && parameters.rest.is_none()
}

struct Reader {
    names: Names,
    requests: usize,
    steps: Vec<Outline>,
}

impl Reader {
    fn statement(&mut self, statement: &Statement<'_>) -> Option<()> {
        match statement {
            Statement::EmptyStatement(_) => Some(()),
            Statement::ExpressionStatement(s) => self.effect(&s.expression),
            Statement::VariableDeclaration(variables) => {
                for variable in &variables.declarations {
                    let BindingPattern::BindingIdentifier(id) = &variable.id else { return None };
                    // A name that is taken again, even of the module, would need scopes to be understood.
                    if self.names.contains_key(id.name.as_str()) {
                        return None;
                    }
                    let init = variable.init.as_ref()?;
                    let role = match init {
                        Expression::CallExpression(call) if self.is_request(call) => {
                            Role::Response(self.request(call)?)
                        }
                        _ if variables.kind == VariableDeclarationKind::Const
                            && constant(init, &self.names) =>
                        {
                            Role::Constant
                        }
                        _ => return None,
                    };
                    self.names.insert(id.name.to_string(), role);
                }
                Some(())
            }
            _ => None,
        }
    }

    fn effect(&mut self, expression: &Expression<'_>) -> Option<()> {
        let Expression::CallExpression(call) = expression else { return None };
        if self.is_request(call) {
            return self.request(call).map(|_| ());
        }
        let Expression::Identifier(callee) = &call.callee else { return None };
        match self.names.get(callee.name.as_str())? {
            Role::Sleep => {
                let [argument] = call.arguments.as_slice() else { return None };
                constant(argument.as_expression()?, &self.names).then_some(())?;
                self.steps.push(Outline::Sleep);
                Some(())
            }
            Role::Check => self.check(call),
            _ => None,
        }
    }

    fn is_request(&self, call: &CallExpression<'_>) -> bool {
        let Expression::StaticMemberExpression(member) = &call.callee else { return false };
        let methods = ["get", "head", "post", "put", "patch", "del", "options", "request"];
        !call.optional
            && !member.optional
            && methods.contains(&member.property.name.as_str())
            && matches!(&member.object, Expression::Identifier(id) if self.names.get(id.name.as_str()) == Some(&Role::Http))
    }

    fn request(&mut self, call: &CallExpression<'_>) -> Option<usize> {
        let fixed =
            |argument: &Argument<'_>| argument.as_expression().is_some_and(|e| constant(e, &self.names));
        if !call.arguments.iter().all(fixed) {
            return None;
        }
        self.steps.push(Outline::Request);
        self.requests += 1;
        Some(self.requests - 1)
    }

    fn check(&mut self, call: &CallExpression<'_>) -> Option<()> {
        let (subject, sets) = match call.arguments.as_slice() {
            [subject, sets] => (subject, sets),
            [subject, sets, tags] if constant(tags.as_expression()?, &self.names) => (subject, sets),
            _ => return None,
        };
        let request = match subject.as_expression()? {
            Expression::Identifier(id) => match self.names.get(id.name.as_str())? {
                Role::Response(request) => *request,
                _ => return None,
            },
            Expression::CallExpression(inner) if self.is_request(inner) => self.request(inner)?,
            _ => return None,
        };
        let Expression::ObjectExpression(object) = sets.as_expression()? else { return None };
        let mut tests: Vec<(String, NativeTest)> = Vec::new();
        for property in &object.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else { return None };
            let name = match &property.key {
                PropertyKey::StaticIdentifier(id) => id.name.to_string(),
                PropertyKey::StringLiteral(text) => text.value.to_string(),
                _ => return None,
            };
            if property.computed || property.method || tests.iter().any(|(n, _)| *n == name) {
                return None;
            }
            tests.push((name, tests_of::function(&property.value)?));
        }
        self.steps.push(Outline::Check { request, tests });
        Some(())
    }
}

/// Whether an expression has the same value each time, whoever evaluates it whenever, and no effect.
fn constant(expression: &Expression<'_>, names: &Names) -> bool {
    let all = |list: &[Expression<'_>]| list.iter().all(|e| constant(e, names));
    match expression {
        Expression::BooleanLiteral(_)
        | Expression::NullLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::StringLiteral(_) => true,
        Expression::TemplateLiteral(template) => all(&template.expressions),
        Expression::Identifier(id) => {
            id.name == "undefined" || names.get(id.name.as_str()) == Some(&Role::Constant)
        }
        Expression::ParenthesizedExpression(inner) => constant(&inner.expression, names),
        Expression::UnaryExpression(unary) => !unary.operator.is_delete() && constant(&unary.argument, names),
        Expression::BinaryExpression(binary) => {
            constant(&binary.left, names) && constant(&binary.right, names)
        }
        Expression::LogicalExpression(logical) => {
            constant(&logical.left, names) && constant(&logical.right, names)
        }
        Expression::ConditionalExpression(c) => {
            constant(&c.test, names) && constant(&c.consequent, names) && constant(&c.alternate, names)
        }
        Expression::StaticMemberExpression(member) => constant(&member.object, names),
        Expression::ComputedMemberExpression(member) => {
            constant(&member.object, names) && constant(&member.expression, names)
        }
        Expression::ArrayExpression(array) => {
            array.elements.iter().all(|e| e.as_expression().is_some_and(|e| constant(e, names)))
        }
        Expression::ObjectExpression(object) => object.properties.iter().all(|property| match property {
            ObjectPropertyKind::ObjectProperty(p) => {
                let key = matches!(
                    &p.key,
                    PropertyKey::StaticIdentifier(_)
                        | PropertyKey::StringLiteral(_)
                        | PropertyKey::NumericLiteral(_)
                );
                key && !p.method && p.kind == oxc::ast::ast::PropertyKind::Init && constant(&p.value, names)
            }
            ObjectPropertyKind::SpreadProperty(spread) => constant(&spread.argument, names),
        }),
        Expression::CallExpression(call) => constant_call(call, names),
        _ => false,
    }
}

/// The few functions that make constants of constants.
fn constant_call(call: &CallExpression<'_>, names: &Names) -> bool {
    let known = match &call.callee {
        Expression::StaticMemberExpression(member) => match &member.object {
            Expression::Identifier(id) => {
                id.name == "JSON" && !names.contains_key("JSON") && member.property.name == "stringify"
            }
            _ => false,
        },
        Expression::Identifier(id) => {
            matches!(id.name.as_str(), "encodeURIComponent" | "String" | "Number" | "parseInt" | "parseFloat")
                && !names.contains_key(id.name.as_str())
        }
        _ => false,
    };
    known && call.arguments.iter().all(|a| a.as_expression().is_some_and(|e| constant(e, names)))
}
