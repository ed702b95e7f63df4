//! Reads one module's text: what kind it is, what it imports; takes the types out of TypeScript.

use std::collections::BTreeSet;
use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Argument, AssignmentExpression, AssignmentTarget, AssignmentTargetPropertyProperty, BinaryExpression,
    BinaryOperator, BindingProperty, CallExpression, ComputedMemberExpression, Expression, ForInStatement,
    IdentifierReference, ObjectAssignmentTarget, ObjectPattern, Program, PropertyKey, RegExpLiteral,
    SimpleAssignmentTarget, SpreadElement, StaticMemberExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::codegen::Codegen;
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::{ParseOptions, Parser, ParserReturn};
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::syntax::module_record::{ExportImportName, ImportImportName, ModuleRecord};
use oxc::transformer::{TransformOptions, Transformer};

use super::error::ScriptError;

/// What the graph needs to know of a module.
pub(crate) struct Parsed {
    /// JavaScript.
    pub(crate) code: String,
    /// It has imports or exports; otherwise it is CommonJS.
    pub(crate) is_module: bool,
    pub(crate) imports: Vec<Import>,
    /// What is given to `require` as a plain string.
    pub(crate) requires: Vec<String>,
    /// The names that a CommonJS module visibly exports.
    pub(crate) exported: BTreeSet<String>,
    /// It has regular expression literals.
    pub(crate) has_regexp: bool,
    /// It reads properties whose names it computes, or lists them.
    pub(crate) has_any_member: bool,
    /// The properties that it assigns to, as [`assigned`] has them.
    pub(crate) assigned: BTreeSet<String>,
}

/// One module that is imported from.
pub(crate) struct Import {
    pub(crate) specifier: String,
    /// `*` for the whole namespace.
    pub(crate) names: BTreeSet<String>,
}

/// Parses the module `name`, whose ending tells TypeScript from JavaScript.
pub(crate) fn parse(name: &str, text: &str) -> Result<Parsed, ScriptError> {
    let typescript = [".ts", ".mts", ".cts"].iter().any(|ending| name.ends_with(ending));
    let allocator = Allocator::default();
    let source_type = if typescript { SourceType::ts() } else { SourceType::mjs() };
    let mut read = parse_as(&allocator, text, source_type);
    if !read.diagnostics.is_empty() && !typescript {
        // What is no module may use words and forms that strict modules reserve; it may also `return` early.
        let script = parse_as(&allocator, text, SourceType::cjs());
        if script.diagnostics.is_empty() && !script.module_record.has_module_syntax {
            read = script;
        }
    }
    if let Some(problem) = read.diagnostics.iter().next() {
        return Err(syntax_error(name, text, problem));
    }
    let is_module = read.module_record.has_module_syntax;
    // Imports only of types vanish with the types, so the record is taken from the result.
    let (code, imports, found) = if typescript {
        let code = strip_types(name, text, &allocator, read)?;
        let allocator = Allocator::default();
        let read = parse_as(&allocator, &code, SourceType::mjs());
        let (imports, found) = (imports(&read.module_record), find(&read.program));
        (code.clone(), imports, found)
    } else {
        (text.to_owned(), imports(&read.module_record), find(&read.program))
    };
    let Found { requires, exported, has_regexp, has_any_member, assigned } = found;
    Ok(Parsed { code, is_module, imports, requires, exported, has_regexp, has_any_member, assigned })
}

fn parse_as<'a>(allocator: &'a Allocator, text: &'a str, source_type: SourceType) -> ParserReturn<'a> {
    let options =
        ParseOptions { allow_return_outside_function: source_type.is_commonjs(), ..ParseOptions::default() };
    Parser::new(allocator, text, source_type).with_options(options).parse()
}

fn strip_types<'a>(
    name: &str,
    text: &str,
    allocator: &'a Allocator,
    read: ParserReturn<'a>,
) -> Result<String, ScriptError> {
    let mut program = read.program;
    let scoping = SemanticBuilder::new().with_enum_eval(true).build(&program).semantic.into_scoping();
    let options = TransformOptions::default();
    let done =
        Transformer::new(allocator, Path::new(name), &options).build_with_scoping(scoping, &mut program);
    match done.diagnostics.iter().next() {
        Some(problem) => Err(syntax_error(name, text, problem)),
        None => Ok(Codegen::new().build(&program).code),
    }
}

fn imports(record: &ModuleRecord<'_>) -> Vec<Import> {
    let mut imports: Vec<Import> = record
        .requested_modules
        .keys()
        .map(|specifier| Import { specifier: specifier.to_string(), names: BTreeSet::new() })
        .collect();
    imports.sort_by(|a, b| a.specifier.cmp(&b.specifier));
    let mut want = |specifier: &str, name: &str| {
        if let Some(import) = imports.iter_mut().find(|i| i.specifier == specifier) {
            import.names.insert(name.to_owned());
        }
    };
    for entry in &record.import_entries {
        let name = match &entry.import_name {
            ImportImportName::Name(name) => name.name.as_str(),
            ImportImportName::NamespaceObject => "*",
            ImportImportName::Default(_) => "default",
        };
        want(entry.module_request.name.as_str(), name);
    }
    for entry in &record.indirect_export_entries {
        if let (Some(request), ExportImportName::Name(name)) = (&entry.module_request, &entry.import_name) {
            want(request.name.as_str(), name.name.as_str());
        }
    }
    imports
}

/// What one of our own modules, whose text has no `export *`, exports.
pub(crate) fn exports(text: &str) -> BTreeSet<String> {
    let allocator = Allocator::default();
    let read = parse_as(&allocator, text, SourceType::mjs());
    let record = &read.module_record;
    let default = record.local_export_entries.iter().any(|entry| entry.export_name.is_default());
    let default = default.then(|| "default".to_owned());
    record.exported_bindings.keys().map(|name| name.to_string()).chain(default).collect()
}

/// Stands in the words of a script for properties of any name.
pub(crate) const ANY_MEMBER: &str = "[.]";

/// Stands in the words of a script for an assignment to a property.
pub(crate) fn assigned(name: &str) -> String {
    format!("{name}=")
}

#[derive(Default)]
struct Found {
    requires: Vec<String>,
    exported: BTreeSet<String>,
    has_regexp: bool,
    has_any_member: bool,
    /// Names of properties that are assigned to.
    assigned: BTreeSet<String>,
}

impl<'a> Visit<'a> for Found {
    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        if let (Expression::Identifier(callee), [Argument::StringLiteral(path)]) =
            (&call.callee, call.arguments.as_slice())
            && callee.name == "require"
        {
            self.requires.push(path.value.to_string());
        }
        walk::walk_call_expression(self, call);
    }

    fn visit_assignment_expression(&mut self, assignment: &AssignmentExpression<'a>) {
        if let AssignmentTarget::StaticMemberExpression(target) = &assignment.left {
            let name = target.property.name.as_str();
            match &target.object {
                Expression::Identifier(id) if id.name == "exports" => {
                    self.exported.insert(name.to_owned());
                }
                Expression::StaticMemberExpression(inner) if inner.property.name == "exports" => {
                    self.exported.insert(name.to_owned());
                }
                Expression::Identifier(id) if id.name == "module" && name == "exports" => {
                    if let Expression::ObjectExpression(object) = &assignment.right {
                        let keys =
                            object.properties.iter().filter_map(|p| p.as_property()?.key.static_name());
                        self.exported.extend(keys.filter(|key| is_name(key)).map(|key| key.to_string()));
                    }
                }
                _ => {}
            }
        }
        walk::walk_assignment_expression(self, assignment);
    }

    fn visit_simple_assignment_target(&mut self, target: &SimpleAssignmentTarget<'a>) {
        if let SimpleAssignmentTarget::StaticMemberExpression(member) = target {
            self.assigned.insert(assigned(member.property.name.as_str()));
        }
        // With a name in brackets it is any name, unless the name is written there.
        if let SimpleAssignmentTarget::ComputedMemberExpression(member) = target
            && let Some(name) = member.static_property_name()
        {
            self.assigned.insert(assigned(name.as_str()));
        }
        walk::walk_simple_assignment_target(self, target);
    }

    fn visit_reg_exp_literal(&mut self, _: &RegExpLiteral<'a>) {
        self.has_regexp = true;
    }

    fn visit_computed_member_expression(&mut self, member: &ComputedMemberExpression<'a>) {
        self.has_any_member |= !is_literal(&member.expression);
        walk::walk_computed_member_expression(self, member);
    }

    fn visit_for_in_statement(&mut self, statement: &ForInStatement<'a>) {
        self.has_any_member = true;
        walk::walk_for_in_statement(self, statement);
    }

    fn visit_spread_element(&mut self, spread: &SpreadElement<'a>) {
        self.has_any_member = true;
        walk::walk_spread_element(self, spread);
    }

    fn visit_binding_property(&mut self, property: &BindingProperty<'a>) {
        self.has_any_member |= property.computed && !is_literal_key(&property.key);
        walk::walk_binding_property(self, property);
    }

    fn visit_assignment_target_property_property(&mut self, property: &AssignmentTargetPropertyProperty<'a>) {
        self.has_any_member |= property.computed && !is_literal_key(&property.name);
        walk::walk_assignment_target_property_property(self, property);
    }

    fn visit_object_pattern(&mut self, pattern: &ObjectPattern<'a>) {
        self.has_any_member |= pattern.rest.is_some();
        walk::walk_object_pattern(self, pattern);
    }

    fn visit_object_assignment_target(&mut self, target: &ObjectAssignmentTarget<'a>) {
        self.has_any_member |= target.rest.is_some();
        walk::walk_object_assignment_target(self, target);
    }

    fn visit_binary_expression(&mut self, binary: &BinaryExpression<'a>) {
        self.has_any_member |= binary.operator == BinaryOperator::In && !is_literal(&binary.left);
        walk::walk_binary_expression(self, binary);
    }

    /// Their functions list properties, under whatever name they are called later.
    fn visit_identifier_reference(&mut self, identifier: &IdentifierReference<'a>) {
        self.has_any_member |= lists_properties(identifier.name.as_str());
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        self.has_any_member |= lists_properties(member.property.name.as_str());
        walk::walk_static_member_expression(self, member);
    }
}

/// Objects whose functions list properties; the others are methods of every object.
fn lists_properties(name: &str) -> bool {
    matches!(name, "Object" | "Reflect" | "hasOwnProperty" | "propertyIsEnumerable")
}

fn is_literal(name: &Expression<'_>) -> bool {
    matches!(name, Expression::StringLiteral(_) | Expression::NumericLiteral(_))
}

fn is_literal_key(name: &PropertyKey<'_>) -> bool {
    matches!(name, PropertyKey::StringLiteral(_) | PropertyKey::NumericLiteral(_))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

fn find(program: &Program<'_>) -> Found {
    let mut found = Found::default();
    found.visit_program(program);
    found
}

fn syntax_error(name: &str, text: &str, problem: &OxcDiagnostic) -> ScriptError {
    let offset = problem.labels.first().map_or(0, |label| label.offset() as usize).min(text.len());
    let before = text.get(..offset).unwrap_or("");
    ScriptError::Syntax {
        module: name.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
        message: problem.message.to_string(),
    }
}

/// Everything in the text that could be an identifier, inside strings and comments too.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
}
