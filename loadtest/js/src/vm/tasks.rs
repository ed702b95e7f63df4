//! One task of a VU: the call of an exported function and the event loop that follows it.

use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::This;
use rquickjs::{Atom, Ctx, Function, IntoJs, Object, Promise, Value, promise::PromiseState};

use crate::api::host::{
    Event, HostCall, Iteration, Outcome, Reply, ScriptException, Task, TaskResult, TaskValue,
};
use crate::api::tags::TagContext;
use crate::modules::k6::truthy;
use crate::modules::{http, timers};
use crate::vm::error;
use crate::vm::globals::set_env;
use crate::vm::state::{Pending, VuState};

/// Jobs that may still run when a task is being cut; each is stopped at its first chance.
const CUT_JOBS_MAX: usize = 10_000;

/// Runs the tasks of one VU.
pub(crate) struct Runner<'a, 'js> {
    ctx: &'a Ctx<'js>,
    state: &'a Rc<VuState>,
    exports: Object<'js>,
    /// What `setup` returned, parsed once per VU.
    setup_data: Option<(Arc<str>, Value<'js>)>,
    /// The name of the function that was called last, as the engine has it.
    called: Option<(String, Atom<'js>)>,
}

impl<'a, 'js> Runner<'a, 'js> {
    pub(crate) fn new(ctx: &'a Ctx<'js>, state: &'a Rc<VuState>, exports: Object<'js>) -> Self {
        Self { ctx, state, exports, setup_data: None, called: None }
    }

    pub(crate) fn run(&mut self, task: &Task) -> TaskResult {
        self.state.cut.set(false);
        self.state.rejections.borrow_mut().clear();
        let mut data = None;
        let result = self.prepare(task).and_then(|(name, argument)| {
            data = matches!(task, Task::HandleSummary { .. }).then(|| argument.clone());
            self.call(name, argument)
        });
        let (outcome, value) = match result {
            Ok(value) => self.finish(task, value),
            Err(e) => (self.failure(&e), TaskValue::None),
        };
        let data = data.and_then(|data| self.left(data));
        if outcome != Outcome::Completed {
            self.discard();
        }
        TaskResult { outcome, value, data, tags: self.state.context() }
    }

    /// What is left of an argument, as JSON.
    fn left(&self, argument: Value<'js>) -> Option<Arc<str>> {
        let json =
            self.ctx.json_stringify(argument).inspect_err(|_| drop(self.ctx.catch())).ok().flatten()?;
        json.to_string().ok().map(Arc::from)
    }

    /// Puts the VU in the right state; the function to call and its argument.
    fn prepare<'t>(&mut self, task: &'t Task) -> rquickjs::Result<(&'t str, Value<'js>)> {
        let outside = |group: &str| {
            let config = &self.state.config;
            let context =
                TagContext { group: group.into(), tags: config.tags.clone(), ..TagContext::default() };
            *self.state.tags.borrow_mut() = Rc::new(context);
            if config.tag_vu {
                self.state.set_tags(|tags| {
                    drop(tags.metadata.insert("vu".to_owned(), self.state.id.get().to_string()))
                });
            }
        };
        match task {
            Task::Iteration(iteration) => {
                self.begin_iteration(iteration)?;
                let argument = self.data(iteration.setup_data.as_ref())?;
                Ok((&iteration.scenario.exec, argument))
            }
            Task::Setup => {
                outside("::setup");
                Ok(("setup", Value::new_undefined(self.ctx.clone())))
            }
            Task::Teardown { setup_data } => {
                outside("::teardown");
                Ok(("teardown", self.data(setup_data.as_ref())?))
            }
            Task::HandleSummary { data } => {
                outside("");
                Ok(("handleSummary", self.ctx.json_parse(data.as_bytes())?))
            }
        }
    }

    fn begin_iteration(&self, iteration: &Iteration) -> rquickjs::Result<()> {
        let state = self.state;
        state.iter.set(state.iter.get() + 1);
        if state.reads_iter && !state.is_shared() {
            self.ctx.globals().set("__ITER", state.iter.get())?;
        }
        if !state.config.no_cookies_reset {
            state.jar().clear();
        }
        let scenario = &iteration.scenario;
        let same = state.iteration.borrow().as_ref().is_some_and(|old| Rc::ptr_eq(&old.scenario, scenario));
        if !same {
            let context = TagContext {
                scenario: Rc::clone(&scenario.name),
                tags: scenario.tags.clone(),
                ..TagContext::default()
            };
            *state.tags.borrow_mut() = Rc::new(context);
            if state.script.mentions("__ENV") && !state.is_shared() {
                set_env(self.ctx, state, &scenario.env)?;
            }
        } else if !state.tags.borrow().group.is_empty() {
            state.set_tags(|tags| tags.group = Rc::default());
        }
        if state.config.tag_vu || state.config.tag_iter {
            state.set_tags(|tags| {
                if state.config.tag_vu {
                    tags.metadata.insert("vu".to_owned(), state.id.get().to_string());
                }
                if state.config.tag_iter {
                    tags.metadata.insert("iter".to_owned(), state.iter.get().to_string());
                }
            });
        }
        *state.iteration.borrow_mut() = Some(iteration.clone());
        Ok(())
    }

    fn data(&mut self, json: Option<&Arc<str>>) -> rquickjs::Result<Value<'js>> {
        let Some(json) = json else { return Ok(Value::new_undefined(self.ctx.clone())) };
        match &self.setup_data {
            Some((old, value)) if Arc::ptr_eq(old, json) => Ok(value.clone()),
            _ => {
                let value = self.ctx.json_parse(json.as_bytes())?;
                self.setup_data = Some((Arc::clone(json), value.clone()));
                Ok(value)
            }
        }
    }

    /// Calls an exported function and empties its event loop.
    fn call(&mut self, name: &str, argument: Value<'js>) -> rquickjs::Result<Value<'js>> {
        let atom = match &self.called {
            Some((called, atom)) if called == name => atom.clone(),
            _ => {
                let atom = Atom::from_str(self.ctx.clone(), name)?;
                self.called.insert((name.to_owned(), atom)).1.clone()
            }
        };
        // Looked up every time: exports are live, and a script may assign another function to what it exports.
        let function: Option<Function> = self.exports.get(atom)?;
        let Some(function) = function else {
            return Err(error::throw(self.ctx, &format!("function '{name}' not found in exports")));
        };
        let result: Value = function.call((argument,))?;
        let promise = result.as_promise().cloned();
        self.event_loop()?;
        match promise {
            None => Ok(result),
            Some(promise) => settled(self.ctx, &promise),
        }
    }

    /// Runs jobs, and waits for what is in the background, until there is neither.
    fn event_loop(&self) -> rquickjs::Result<()> {
        let state = self.state;
        loop {
            while self.ctx.execute_pending_job() {}
            if state.cut.get() {
                return Err(state.cut_error(self.ctx));
            }
            let unhandled = state.rejections.borrow_mut().pop();
            if let Some((_, exception)) = unhandled {
                return Err(rethrow(self.ctx, &exception));
            }
            if state.pending.borrow().is_empty() {
                return Ok(());
            }
            let Reply::Event(id, event) = state.call(self.ctx, HostCall::Wait)? else {
                return Err(error::throw(self.ctx, "the engine gave no event to a waiting script"));
            };
            let pending = state.pending.borrow_mut().remove(&id);
            match (pending, event) {
                (Some(Pending::Timer { callback, args, every }), Event::Timer) => {
                    timers::fire(self.ctx, state, id, callback, args, every)?;
                }
                (Some(Pending::Http { resolve, about }), Event::Http(response)) => {
                    http::settle(self.ctx, state, resolve, &about, *response)?;
                }
                (None, _) => {}
                (Some(_), _) => return Err(error::throw(self.ctx, "the engine mixed up two events")),
            }
        }
    }

    fn finish(&self, task: &Task, value: Value<'js>) -> (Outcome, TaskValue) {
        let converted = match task {
            Task::Setup => self.to_json(value),
            Task::HandleSummary { .. } => self.to_files(&value),
            Task::Iteration(_) | Task::Teardown { .. } => Ok(TaskValue::None),
        };
        match converted {
            Ok(value) => (Outcome::Completed, value),
            Err(e) => (self.failure(&e), TaskValue::None),
        }
    }

    fn to_json(&self, value: Value<'js>) -> rquickjs::Result<TaskValue> {
        let shown = Function::new(self.ctx.clone(), shown_of_setup)?;
        Ok(match self.ctx.json_stringify_replacer(value, shown)? {
            Some(json) => TaskValue::Json(json.to_string()?.into()),
            None => TaskValue::None,
        })
    }

    fn to_files(&self, value: &Value<'js>) -> rquickjs::Result<TaskValue> {
        if !truthy(value) {
            return Ok(TaskValue::None);
        }
        let Some(object) = value.as_object().filter(|object| !object.is_array()) else {
            return Err(error::throw(self.ctx, "handleSummary() should return a map with string keys"));
        };
        let mut files = Vec::new();
        for entry in object.props::<String, Value>() {
            let (name, value) = entry?;
            files.push((name, contents(self.ctx, &value)?));
        }
        Ok(TaskValue::Files(files))
    }

    /// What an error of the engine means for the task.
    fn failure(&self, e: &rquickjs::Error) -> Outcome {
        let exception = error::take(self.ctx, e);
        if let Some(reason) = self.state.abort.borrow_mut().take() {
            return Outcome::Aborted { reason };
        }
        if self.state.cut.get() { Outcome::Interrupted } else { Outcome::Threw(exception) }
    }

    /// Lets go of what an unfinished task left behind, so that it cannot run into the next.
    fn discard(&self) {
        self.state.cut.set(true);
        for _ in 0..CUT_JOBS_MAX {
            if !self.ctx.execute_pending_job() {
                break;
            }
        }
        self.state.pending.borrow_mut().clear();
        self.state.rejections.borrow_mut().clear();
        self.state.abort.borrow_mut().take();
    }
}

/// How a part of what `setup` returned is written. As k6's way through Go has it, what is undefined becomes null, and
/// dates have no zeros at their end.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the engine calls")]
fn shown_of_setup<'js>(
    ctx: Ctx<'js>,
    holder: This<Object<'js>>,
    key: String,
    value: Value<'js>,
) -> rquickjs::Result<Value<'js>> {
    if value.is_undefined() && !key.is_empty() {
        return Ok(Value::new_null(ctx));
    }
    let Some(text) = value.as_string() else { return Ok(value) };
    // Only dates are objects that became a text and can be asked for this one.
    let part: Value = holder.0.get(key)?;
    let is_date = part.as_object().map(|part| part.contains_key("toISOString")).transpose()?;
    if is_date != Some(true) {
        return Ok(value);
    }
    let text = text.to_string()?;
    let (time, fraction) = text.trim_end_matches('Z').rsplit_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{time}{point}{fraction}Z").into_js(&ctx)
}

fn settled<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> rquickjs::Result<Value<'js>> {
    if promise.state() == PromiseState::Pending {
        // Nothing is left that could resolve it: k6 ends the iteration.
        return Ok(Value::new_undefined(ctx.clone()));
    }
    promise.result::<Value>().unwrap_or_else(|| Ok(Value::new_undefined(ctx.clone())))
}

fn rethrow(ctx: &Ctx<'_>, exception: &ScriptException) -> rquickjs::Error {
    let made = rquickjs::Exception::from_message(ctx.clone(), &exception.message).and_then(|e| {
        e.as_object().set("name", "")?;
        e.as_object().set("stack", exception.stack.as_str().into_js(ctx)?)?;
        Ok(e)
    });
    match made {
        Ok(e) => e.throw(),
        Err(e) => e,
    }
}

fn contents<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> rquickjs::Result<Vec<u8>> {
    if let Some(text) = value.as_string() {
        return Ok(text.to_string()?.into_bytes());
    }
    if let Some(bytes) = crate::modules::bytes_of(value) {
        return Ok(bytes);
    }
    Err(error::throw(ctx, "handleSummary() values should be strings or ArrayBuffers"))
}
