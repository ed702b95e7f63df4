//! Whether VUs may run a script in one interpreter, each with instances of the script's modules of its own, without
//! that the script could tell. What they share then are the language's objects, what our own modules export, the
//! queue of promises and the bottom of `Error.stack`. So a script is accepted if it does nothing with globals and
//! imports but call them, construct with them and read plain values of them; if it names nothing that leads from its
//! own values to shared ones; and if it has no promises. Everything that this pass does not know is refused.
//!
//! One thing is taken on trust: names that are put together at run time, or come out of data, are not those of the
//! language's internals, such as `__proto__`.

use std::collections::{HashMap, HashSet};

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Argument, ArrowFunctionExpression, AssignmentTargetPropertyIdentifier, AwaitExpression, BinaryExpression,
    BinaryOperator, BindingPattern, CallExpression, ClassHeritage, ComputedMemberExpression,
    ExportAllDeclaration, ExportFromDeclaration, Expression, ForOfStatement, Function, IdentifierName,
    IdentifierReference, ImportDeclaration, ImportDeclarationSpecifier, ImportExpression, ImportMeta,
    MethodDefinition, MethodDefinitionKind, NewExpression, ObjectProperty, PropertyDefinition, PropertyKey,
    SimpleAssignmentTarget, SpreadElement, Statement, StaticMemberExpression, StringLiteral,
    TaggedTemplateExpression, TemplateElement, UnaryExpression, UnaryOperator, VariableDeclarator,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::Parser;
use oxc::semantic::{Scoping, SemanticBuilder, SymbolId};
use oxc::span::SourceType;
use oxc::syntax::scope::ScopeFlags;

use super::Script;
use names::{EXTENDED, HANDED, INHERITED, MODULES, TAKERS};
use rules::{Root, Use};

mod names;
mod rules;

impl Script {
    /// Whether VUs of this script can share an interpreter, by way of [`VuPool`](crate::VuPool).
    ///
    /// # Errors
    /// What in the script asks for an interpreter for each VU, in words that go on after "because".
    pub fn shareable(&self) -> Result<(), String> {
        let entry = self.entry();
        let modules = self.graph().es_modules();
        if !modules.contains_key(&entry) {
            return Err("it is no ES module".to_owned());
        }
        let imported = modules.keys().filter(|name| **name != entry);
        if imported.filter_map(|name| self.text_of(name)).map(|text| text.len()).sum::<usize>() > IMPORTED_MAX
        {
            return Err(format!("it imports more than {} kB", IMPORTED_MAX / 1024));
        }
        let (mut defined, mut handed) = (HashSet::new(), Vec::new());
        for (name, text) in &modules {
            let Some(text) = text else { continue };
            let resolve = |specifier: &str| self.resolve(name, specifier).unwrap_or_default();
            let other = |module: &str| module != entry && modules.contains_key(module);
            let pass = Pass::of(text, &resolve, &other)?;
            if let Some(why) = pass.refusal {
                return Err(if *name == entry { why } else { format!("in {}, {why}", file_name(name)) });
            }
            defined.extend(pass.defined);
            handed.extend(pass.handed);
        }
        match handed.iter().find(|name| defined.contains(*name)) {
            Some(name) => Err(format!(
                "it has a method `{name}` of its own and hands functions of the language to such"
            )),
            None => Ok(()),
        }
    }
}

/// Bytes of all that a script imports but our own modules: it is compiled for each VU of an interpreter and kept.
const IMPORTED_MAX: usize = 128 * 1024;

fn file_name(module: &str) -> &str {
    module.rsplit_once('/').map_or(module, |(_, name)| name)
}

struct Pass<'p> {
    scoping: Scoping,
    resolve: &'p dyn Fn(&str) -> String,
    /// Whether each VU has an instance of that module.
    is_own: &'p dyn Fn(&str) -> bool,
    imports: HashMap<SymbolId, Root>,
    /// Names of properties that the script gives values.
    defined: HashSet<String>,
    /// Names of methods that were handed a function of the language.
    handed: Vec<String>,
    /// The first reason.
    refusal: Option<String>,
}

impl<'p> Pass<'p> {
    /// What there is to say of a module with that text.
    fn of(
        text: &str,
        resolve: &'p dyn Fn(&str) -> String,
        is_own: &'p dyn Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let allocator = Allocator::default();
        let read = Parser::new(&allocator, text, SourceType::mjs()).parse();
        if !read.diagnostics.is_empty() {
            return Err("it cannot be analysed".to_owned());
        }
        let scoping = SemanticBuilder::new().build(&read.program).semantic.into_scoping();
        let (imports, defined, handed) = (HashMap::new(), HashSet::new(), Vec::new());
        let mut pass = Self { scoping, resolve, is_own, imports, defined, handed, refusal: None };
        // Wherever they stand, imports come first.
        for statement in &read.program.body {
            if let Statement::ImportDeclaration(import) = statement {
                pass.visit_import_declaration(import);
            }
        }
        pass.visit_program(&read.program);
        Ok(pass)
    }
}

impl Pass<'_> {
    fn refuse(&mut self, why: impl Into<String>) {
        self.refusal.get_or_insert_with(|| why.into());
    }

    fn root(&self, id: &IdentifierReference<'_>) -> Option<Root> {
        let reference = self.scoping.get_reference(id.reference_id());
        match reference.symbol_id() {
            None => Some(Root::Global(id.name.to_string())),
            Some(symbol) => self.imports.get(&symbol).cloned(),
        }
    }

    fn global(&self, expression: &Expression<'_>) -> Option<String> {
        match expression {
            Expression::Identifier(id) => match self.root(id)? {
                Root::Global(name) => Some(name),
                Root::Import(..) => None,
            },
            _ => None,
        }
    }

    /// What a chain of members starts from, and the names; one that is computed is empty.
    fn chain(&self, expression: &Expression<'_>) -> Option<(Root, Vec<String>)> {
        match expression {
            Expression::Identifier(id) => Some((self.root(id)?, Vec::new())),
            Expression::StaticMemberExpression(member) => {
                let (root, mut names) = self.chain(&member.object)?;
                names.push(member.property.name.to_string());
                Some((root, names))
            }
            Expression::ComputedMemberExpression(member) => {
                let (root, mut names) = self.chain(&member.object)?;
                names.push(member.static_property_name().map(|name| name.to_string()).unwrap_or_default());
                Some((root, names))
            }
            Expression::ParenthesizedExpression(inner) => self.chain(&inner.expression),
            _ => None,
        }
    }

    /// Visits an expression of which something is called, read or assigned.
    fn used(&mut self, expression: &Expression<'_>, how: Use) {
        if let Some((root, names)) = self.chain(expression) {
            self.judge(&root, &names, how);
            return self.keys(expression);
        }
        match expression {
            Expression::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                if how == Use::Read && INHERITED.contains(&name) {
                    self.refuse(format!("it takes the function `{name}` without calling it"));
                }
                self.visit_identifier_name(&member.property);
                self.base(&member.object, how);
            }
            Expression::ComputedMemberExpression(member) => {
                self.visit_expression(&member.expression);
                self.base(&member.object, how);
            }
            Expression::ParenthesizedExpression(inner) => self.used(&inner.expression, how),
            other => walk::walk_expression(self, other),
        }
    }

    /// Visits what stands before a member.
    fn base(&mut self, object: &Expression<'_>, how: Use) {
        if how == Use::Write
            && let Expression::StaticMemberExpression(member) = object
            && INHERITED.contains(&member.property.name.as_str())
        {
            self.refuse(format!("it changes the function `{}`", member.property.name));
        }
        self.used(object, Use::Call);
    }

    /// Visits the computed names in a chain that starts from a root.
    fn keys(&mut self, expression: &Expression<'_>) {
        match expression {
            Expression::StaticMemberExpression(member) => {
                self.visit_identifier_name(&member.property);
                self.keys(&member.object);
            }
            Expression::ComputedMemberExpression(member) => {
                self.visit_expression(&member.expression);
                self.keys(&member.object);
            }
            Expression::ParenthesizedExpression(inner) => self.keys(&inner.expression),
            _ => {}
        }
    }

    fn judge(&mut self, root: &Root, names: &[String], how: Use) {
        let allowed = rules::allow(root, names, how);
        if !allowed {
            let (Root::Global(name) | Root::Import(name, None) | Root::Import(_, Some(name))) = root;
            let shown = |name: &String| if name.is_empty() { "[…]".to_owned() } else { name.clone() };
            let what = std::iter::once(name).chain(names).map(shown).collect::<Vec<_>>().join(".");
            let does = match how {
                Use::Read => "passes around",
                Use::Call | Use::New => "uses",
                Use::Write => "changes",
            };
            self.refuse(format!("it {does} `{what}`"));
        }
    }

    fn arguments(&mut self, callee: &Expression<'_>, arguments: &[Argument<'_>]) {
        let method = match callee {
            Expression::StaticMemberExpression(member) => member.property.name.as_str(),
            _ => "",
        };
        let lists = self.chain(callee).is_some_and(|(root, names)| {
            matches!(&root, Root::Global(g) if g == "Object" || g == "JSON")
                && matches!(names.as_slice(), [n] if ["entries", "keys", "stringify", "values"].contains(&n.as_str()))
        });
        for argument in arguments {
            let global = argument.as_expression().and_then(|e| self.global(e));
            match global.as_deref() {
                Some(name) if TAKERS.contains(&method) && HANDED.contains(&name) => {
                    self.handed.push(method.to_owned());
                }
                Some("__ENV") if lists => {}
                _ => self.visit_argument(argument),
            }
        }
    }
}

impl<'a> Visit<'a> for Pass<'_> {
    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        let module = (self.resolve)(&import.source.value);
        if (self.is_own)(&module) {
            return;
        }
        if !MODULES.contains(&module.as_str()) {
            return self.refuse(format!("it imports {}", import.source.value));
        }
        for specifier in import.specifiers.iter().flatten() {
            let name = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(s) => Some(s.imported.name().to_string()),
                ImportDeclarationSpecifier::ImportDefaultSpecifier(_)
                | ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => None,
            }
            .filter(|name| name != "default");
            if let Some(hidden) = name.as_deref().and_then(names::hidden_in) {
                self.refuse(format!("it uses `{hidden}`"));
            }
            self.imports.insert(specifier.local().symbol_id(), Root::Import(module.clone(), name));
        }
    }

    fn visit_export_all_declaration(&mut self, export: &ExportAllDeclaration<'a>) {
        if !(self.is_own)(&(self.resolve)(&export.source.value)) {
            self.refuse("it exports what another module exports");
        }
    }

    fn visit_export_from_declaration(&mut self, export: &ExportFromDeclaration<'a>) {
        if !(self.is_own)(&(self.resolve)(&export.source.value)) {
            self.refuse("it exports what another module exports");
        }
    }

    fn visit_import_expression(&mut self, _: &ImportExpression<'a>) {
        self.refuse("it uses `import()`");
    }

    fn visit_import_meta(&mut self, _: &ImportMeta) {
        self.refuse("it uses `import.meta`");
    }

    fn visit_function(&mut self, function: &Function<'a>, flags: ScopeFlags) {
        if function.r#async {
            self.refuse("it has `async` functions");
        }
        walk::walk_function(self, function, flags);
    }

    fn visit_arrow_function_expression(&mut self, arrow: &ArrowFunctionExpression<'a>) {
        if arrow.r#async {
            self.refuse("it has `async` functions");
        }
        walk::walk_arrow_function_expression(self, arrow);
    }

    fn visit_await_expression(&mut self, _: &AwaitExpression<'a>) {
        self.refuse("it uses `await`");
    }

    fn visit_for_of_statement(&mut self, statement: &ForOfStatement<'a>) {
        if statement.r#await {
            self.refuse("it uses `await`");
        }
        walk::walk_for_of_statement(self, statement);
    }

    fn visit_identifier_reference(&mut self, id: &IdentifierReference<'a>) {
        if let Some(root) = self.root(id) {
            self.judge(&root, &[], Use::Read);
        }
    }

    fn visit_identifier_name(&mut self, name: &IdentifierName<'a>) {
        if let Some(hidden) = names::hidden_in(&name.name) {
            self.refuse(format!("it uses `{hidden}`"));
        }
    }

    fn visit_string_literal(&mut self, text: &StringLiteral<'a>) {
        if let Some(hidden) = names::hidden_in(&text.value) {
            self.refuse(format!("it uses `{hidden}`"));
        }
    }

    fn visit_template_element(&mut self, element: &TemplateElement<'a>) {
        if let Some(hidden) = names::hidden_in(&element.value.raw) {
            self.refuse(format!("it uses `{hidden}`"));
        }
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        // Only reached for those that are read: the others are seen to where they stand.
        let name = member.property.name.as_str();
        if let Some((root, mut names)) = self.chain(&member.object) {
            names.push(name.to_owned());
            self.judge(&root, &names, Use::Read);
            self.visit_identifier_name(&member.property);
            return self.keys(&member.object);
        }
        if INHERITED.contains(&name) {
            self.refuse(format!("it takes the function `{name}` without calling it"));
        }
        self.visit_identifier_name(&member.property);
        self.base(&member.object, Use::Read);
    }

    fn visit_computed_member_expression(&mut self, member: &ComputedMemberExpression<'a>) {
        self.visit_expression(&member.expression);
        if let Some((root, mut names)) = self.chain(&member.object) {
            names.push(member.static_property_name().map(|name| name.to_string()).unwrap_or_default());
            self.judge(&root, &names, Use::Read);
            return self.keys(&member.object);
        }
        self.base(&member.object, Use::Read);
    }

    fn visit_call_expression(&mut self, call: &CallExpression<'a>) {
        self.used(&call.callee, Use::Call);
        self.arguments(&call.callee, &call.arguments);
    }

    fn visit_new_expression(&mut self, new: &NewExpression<'a>) {
        self.used(&new.callee, Use::New);
        self.arguments(&new.callee, &new.arguments);
    }

    fn visit_tagged_template_expression(&mut self, tagged: &TaggedTemplateExpression<'a>) {
        self.used(&tagged.tag, Use::Call);
        self.visit_template_literal(&tagged.quasi);
    }

    fn visit_binary_expression(&mut self, binary: &BinaryExpression<'a>) {
        if binary.operator == BinaryOperator::Instanceof {
            self.visit_expression(&binary.left);
            return self.used(&binary.right, Use::New);
        }
        walk::walk_binary_expression(self, binary);
    }

    fn visit_unary_expression(&mut self, unary: &UnaryExpression<'a>) {
        match (&unary.operator, &unary.argument) {
            // The one global that comes later: asking whether it is there would have to be told the truth.
            (UnaryOperator::Typeof, Expression::Identifier(id)) if id.name != "__ITER" => {}
            (UnaryOperator::Delete, argument) => {
                let argument = match argument {
                    Expression::ChainExpression(_) => return self.refuse("it uses `delete` with `?.`"),
                    other => other,
                };
                self.used(argument, Use::Write);
            }
            (UnaryOperator::Typeof, Expression::Identifier(_)) => self.refuse("it uses `typeof __ITER`"),
            _ => walk::walk_unary_expression(self, unary),
        }
    }

    fn visit_class_heritage(&mut self, heritage: &ClassHeritage<'a>) {
        let extended =
            self.global(&heritage.expression).is_some_and(|name| EXTENDED.contains(&name.as_str()));
        if !extended {
            walk::walk_class_heritage(self, heritage);
        }
    }

    fn visit_variable_declarator(&mut self, variable: &VariableDeclarator<'a>) {
        // Copies of strings.
        let copies = matches!(&variable.id, BindingPattern::ObjectPattern(_))
            && variable.init.as_ref().and_then(|init| self.global(init)).is_some_and(|name| name == "__ENV");
        if copies {
            return self.visit_binding_pattern(&variable.id);
        }
        walk::walk_variable_declarator(self, variable);
    }

    fn visit_spread_element(&mut self, spread: &SpreadElement<'a>) {
        if self.global(&spread.argument).is_none_or(|name| name != "__ENV") {
            walk::walk_spread_element(self, spread);
        }
    }

    fn visit_simple_assignment_target(&mut self, target: &SimpleAssignmentTarget<'a>) {
        match target {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(id) => {
                if let Some(root) = self.root(id) {
                    self.judge(&root, &[], Use::Write);
                }
            }
            SimpleAssignmentTarget::StaticMemberExpression(member) => {
                self.defined.insert(member.property.name.to_string());
                self.visit_identifier_name(&member.property);
                self.written(&member.object, Some(member.property.name.as_str()));
            }
            SimpleAssignmentTarget::ComputedMemberExpression(member) => {
                self.visit_expression(&member.expression);
                self.written(&member.object, member.static_property_name().as_deref());
            }
            other => walk::walk_simple_assignment_target(self, other),
        }
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        property: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        if let Some(root) = self.root(&property.binding) {
            self.judge(&root, &[], Use::Write);
        }
        walk::walk_assignment_target_property_identifier(self, property);
    }

    fn visit_object_property(&mut self, property: &ObjectProperty<'a>) {
        self.defines(&property.key);
        walk::walk_object_property(self, property);
    }

    fn visit_property_definition(&mut self, property: &PropertyDefinition<'a>) {
        self.defines(&property.key);
        walk::walk_property_definition(self, property);
    }

    fn visit_method_definition(&mut self, method: &MethodDefinition<'a>) {
        self.defines(&method.key);
        if method.kind == MethodDefinitionKind::Constructor {
            return self.visit_function(&method.value, ScopeFlags::Constructor);
        }
        walk::walk_method_definition(self, method);
    }
}

impl Pass<'_> {
    /// Visits an assignment to the member `name` of `object`.
    fn written(&mut self, object: &Expression<'_>, name: Option<&str>) {
        if let Some((root, mut names)) = self.chain(object) {
            names.push(name.unwrap_or_default().to_owned());
            self.judge(&root, &names, Use::Write);
            return self.keys(object);
        }
        self.base(object, Use::Write);
    }

    fn defines(&mut self, key: &PropertyKey<'_>) {
        if let Some(name) = key.static_name() {
            self.defined.insert(name.to_string());
        }
    }
}
