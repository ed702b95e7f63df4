//! Reads one module's text: what kind it is, what it imports; takes the types out of TypeScript.

use std::collections::BTreeSet;
use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::{Argument, CallExpression, Expression, Program, RegExpLiteral};
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
    /// It has regular expression literals.
    pub(crate) has_regexp: bool,
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
    let (code, imports, (requires, has_regexp)) = if typescript {
        let code = strip_types(name, text, &allocator, read)?;
        let allocator = Allocator::default();
        let read = parse_as(&allocator, &code, SourceType::mjs());
        let found = (imports(&read.module_record), requires(&read.program));
        (code.clone(), found.0, found.1)
    } else {
        (text.to_owned(), imports(&read.module_record), requires(&read.program))
    };
    Ok(Parsed { code, is_module, imports, requires, has_regexp })
}

fn parse_as<'a>(allocator: &'a Allocator, text: &'a str, source_type: SourceType) -> ParserReturn<'a> {
    let options = ParseOptions { allow_return_outside_function: source_type.is_commonjs(), ..ParseOptions::default() };
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
    let done = Transformer::new(allocator, Path::new(name), &options).build_with_scoping(scoping, &mut program);
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

/// What is required by name, and whether there are regular expressions.
fn requires(program: &Program<'_>) -> (Vec<String>, bool) {
    struct Requires(Vec<String>, bool);
    impl<'a> Visit<'a> for Requires {
        fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
            if let (Expression::Identifier(callee), [Argument::StringLiteral(path)]) =
                (&call.callee, call.arguments.as_slice())
                && callee.name == "require"
            {
                self.0.push(path.value.to_string());
            }
            walk::walk_call_expression(self, call);
        }

        fn visit_reg_exp_literal(&mut self, _: &RegExpLiteral<'a>) {
            self.1 = true;
        }
    }
    let mut found = Requires(Vec::new(), false);
    found.visit_program(program);
    (found.0, found.1)
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
