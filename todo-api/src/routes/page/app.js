// The page of TaskOverflow. It uses only the public API, and stores nothing in the browser.
// Every text of a todo reaches the document through textContent, so a todo cannot carry markup.

const API = '/api/v1/todos';
const PAGE_SIZE = 100; // a million todos must not freeze the tab: one page at a time, on demand
const TIMEOUT_MS = 15_000;
const HEALTH_EVERY_MS = 10_000;
const [HOUR_MS, DAY_MS] = [3600_000, 24 * 3600_000]; // "due soon" is within a day
const INSTANCES_SHOWN = 8;
const DUE_WORDS = { overdue: 'Overdue', soon: 'Due soon', later: 'Due', done: 'Deadline' };

const $ = (id) => document.getElementById(id);
const clone = (id) => $(id).content.firstElementChild.cloneNode(true);
const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;
const part = (item, name) => item.li.querySelector(`.todo-${name}`);
const quoted = (todo) => `“${todo.title}”`;

// === Time: the API speaks naive UTC, a person local time ===
const LOCALE = navigator.languages.find((one) => one.startsWith('en')) ?? 'en-GB'; // the page is in English, too
const WHEN = { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };
const THIS_YEAR = new Intl.DateTimeFormat(LOCALE, WHEN);
const OTHER_YEAR = new Intl.DateTimeFormat(LOCALE, { ...WHEN, year: 'numeric' });
const RELATIVE = new Intl.RelativeTimeFormat(LOCALE);

// Date keeps milliseconds; the digits after them are cut because not every browser parses them.
const fromUtc = (naive) => new Date(`${naive.slice(0, 23)}Z`);
const toUtc = (localInput) => new Date(localInput).toISOString().slice(0, 19);
const toLocalInput = (at) => new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

function relative(ms) {
  const [hours, days] = [Math.abs(ms) / HOUR_MS, Math.abs(ms) / DAY_MS];
  const [size, unit] = hours < 1 ? [60_000, 'minute'] : hours < 48 ? [HOUR_MS, 'hour']
    : days < 60 ? [DAY_MS, 'day'] : days < 730 ? [30.44 * DAY_MS, 'month'] : [365.25 * DAY_MS, 'year'];
  return RELATIVE.format(Math.round(ms / size), unit);
}

function dueState({ deadline_at, completed }) {
  if (!deadline_at) return 'none';
  if (completed) return 'done';
  const left = fromUtc(deadline_at) - Date.now();
  return left < 0 ? 'overdue' : left <= DAY_MS ? 'soon' : 'later';
}

// === Talking to the service ===
// A request that did not do what it should; the message tells a person what to do about it.
const failed = (message, status = 0) => Object.assign(new Error(message), { status });

async function call(method, path, { body, signal, timeout = TIMEOUT_MS } = {}) {
  const limit = AbortSignal.timeout(timeout);
  const init = { method, cache: 'no-store', signal: signal ? AbortSignal.any([signal, limit]) : limit };
  if (body) Object.assign(init, { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
  let response, text, data = null;
  try {
    response = await fetch(path, init);
    countAnswer(response.headers);
    text = await response.text();
  } catch {
    if (limit.aborted) throw failed(`No answer within ${timeout / 1000} seconds. Refresh, then try again.`);
    if (!navigator.onLine) throw failed('You are offline. Check your connection, then try again.');
    throw failed('The service cannot be reached. Check that it is running, then try again.');
  }
  try { data = JSON.parse(text); } catch { /* judged by the status below */ }
  const link = /<([^>]*)>\s*;\s*rel="?next"?/.exec(response.headers.get('Link') ?? '');
  const good = response.ok && (data || method === 'DELETE'); // which may answer with nothing
  if (good) return { data, next: link && new URL(link[1], location.href).searchParams.get('after') };
  throw failed(advice(response, data?.error), response.status);
}

function advice({ status, headers }, detail = 'no reason given') {
  const seconds = Number(headers.get('Retry-After'));
  const again = `Try again in ${seconds > 0 ? plural(seconds, 'second') : 'a moment'}.`;
  if (status === 404) return 'It no longer exists: it was deleted elsewhere.';
  if (status === 503) return `The service is overloaded or has lost its database (${detail}). ${again}`;
  if (status >= 400 && status < 500) return `The service did not accept it: ${detail}. Change it, then try again.`;
  return `The service failed (${status}). ${again} To report it, quote request ${headers.get('X-Request-Id')}.`;
}

// === Messages ===
/** Read out by screen readers, not shown. */
function announce(text) {
  $('announcer').textContent = '';
  setTimeout(() => { $('announcer').textContent = text; }, 50); // so that the same words twice are read twice
}

/** A message that stays until it is dismissed or the next action begins: nobody has to read fast. */
function notice(kind = '', text = '', label = '', run = null) {
  keepFocus($('notice'));
  $('notice').dataset.kind = kind;
  $('notice-text').textContent = text;
  $('notice-close').hidden = !text;
  $('notice-action').hidden = !run;
  $('notice-action').textContent = run ? label : '';
  $('notice-action').onclick = () => { notice(); run(); };
}

/** Focus inside something about to vanish moves to the heading of the list, not to the top of the page. */
function keepFocus(vanishing) {
  if (vanishing.contains(document.activeElement)) $('todos').focus({ preventScroll: true });
}

function report(what, failure, retry) {
  notice('error', `${what} ${failure.message}`, 'Try again', retry);
  if (!failure.status) checkHealth(); // no answer at all: is it the service?
}

// === Instances and health ===
const answers = new Map(); // instance → number of its answers
function countAnswer(headers) {
  const latest = headers.get('X-Instance-Id') ?? 'unnamed';
  answers.set(latest, (answers.get(latest) ?? 0) + 1);
  $('instance').textContent = latest;
  $('request-id').textContent = headers.get('X-Request-Id');
  $('instances-seen').textContent = `${plural(answers.size, 'instance')} seen so far`;
  const most = Math.max(...answers.values());
  const byName = [...answers].sort(([a], [b]) => a.localeCompare(b)).slice(0, INSTANCES_SHOWN); // rows that stay put
  $('instances').replaceChildren(...byName.map(([name, count]) => {
    const row = clone('instance-template');
    row.firstElementChild.textContent = name;
    row.lastElementChild.textContent = count;
    row.classList.toggle('latest', name === latest);
    row.style.setProperty('--share', count / most); // through the CSSOM, which the CSP allows
    return row;
  }));
}

async function checkHealth() {
  const before = $('health').textContent;
  const now = await call('GET', '/api/v1/health', { timeout: 5000 })
    .then(() => 'Healthy', (failure) => (failure.status ? 'Unavailable' : 'No answer'));
  $('health').textContent = $('health').dataset.state = now;
  if (now !== before && before !== 'Checking') announce(`Service health: ${now}`);
  if (now === 'Healthy' && before !== now && !$('list-error').hidden) retryLoad();
}

// === The list ===
const items = new Map(); // id → {todo, shown, li, form, pending, queue}: what is on the page
let filter = {}; // as the API calls it: completed, window
let nextAfter = null; // the key of the next page, or null at the end
let listRequest = null;
let retryLoad = null;
let changes = null; // settles when no change is on its way any more
/** Loads the first page, or the next one. What is shown stays until the answer is there. */
async function load({ more = false, newFilter = false } = {}) {
  listRequest?.abort();
  const { signal } = listRequest = new AbortController();
  const query = new URLSearchParams({ limit: PAGE_SIZE, ...filter, ...(more && { after: nextAfter }) });
  retryLoad = () => load({ more, newFilter });
  keepFocus($('states'));
  $('list-section').ariaBusy = 'true';
  $('list-error').hidden = true;
  await changes; // a list read before a change has arrived would undo it on the page
  if (signal.aborted) return;
  try {
    const { data, next } = await call('GET', `${API}?${query}`, { signal });
    nextAfter = next;
    showPage(data, more);
  } catch (failure) {
    if (signal.aborted) return; // a newer request has taken over
    if (newFilter) items.forEach(drop); // they belong to the previous filter
    $('list-error').hidden = false;
    $('list-error-text').textContent = `The todos could not be loaded. ${failure.message}`;
    if (!failure.status) checkHealth();
  }
  $('list-section').ariaBusy = 'false';
  summarise();
}

function showPage(todos, more) {
  const focused = document.activeElement;
  const rows = todos.map((todo) => {
    const item = items.get(todo.id) ?? newItem(todo);
    if (!item.pending) draw(item, item.todo = todo); // a change on its way knows better
    return item.li;
  });
  if (more) {
    $('list').append(...rows.filter((row) => !row.isConnected));
    if (!nextAfter && focused === $('load-more')) rows[0]?.querySelector('.todo-done').focus();
  } else {
    for (const item of [...items.values()].filter(({ li }) => !rows.includes(li))) {
      if (item.form) rows.unshift(item.li); // half-written text is never thrown away
      else drop(item);
    }
    $('list').replaceChildren(...rows);
    if (focused.isConnected) focused.focus({ preventScroll: true });
  }
  announce(`${plural(items.size, 'todo')} shown${nextAfter ? ', more can be loaded' : ''}`);
}

function drop(item) {
  keepFocus(item.li);
  item.li.remove();
  items.delete(item.todo.id);
}

function summarise() {
  const all = [...items.values()].map((item) => item.shown);
  const due = all.map(dueState);
  const done = all.filter((todo) => todo.completed).length;
  const [overdue, soon] = ['overdue', 'soon'].map((state) => due.filter((one) => one === state).length);
  const counts = { open: all.length - done, done, overdue, 'due soon': soon };
  const shown = Object.entries(counts).filter(([, n]) => n).map(([word, n]) => `${n} ${word}`).join(', ');
  const head = plural(all.length, 'todo') + (nextAfter ? ' so far, more below' : '');
  $('counts').textContent = all.length ? `${head}: ${shown}` : '';
  const filtered = Object.keys(filter).length > 0;
  $('empty').hidden = all.length > 0 || nextAfter !== null || !$('list-error').hidden;
  $('empty-text').textContent = filtered ? 'No todo matches this filter.' : 'Nothing to do. Add your first todo above.';
  $('show-everything').hidden = !filtered;
  $('load-more').hidden = nextAfter === null;
}

function matchesFilter({ completed, deadline_at }) {
  if (filter.completed && filter.completed !== String(completed)) return false;
  return !filter.window || (deadline_at !== null && fromUtc(deadline_at) <= Date.now() + filter.window * DAY_MS);
}

// === One todo ===
function newItem(todo) {
  const item = { todo, li: clone('todo-template'), form: null, pending: 0, queue: Promise.resolve() };
  item.li.dataset.id = todo.id;
  part(item, 'done').id = part(item, 'title').htmlFor = `done-${todo.id}`;
  part(item, 'due').id = `due-${todo.id}`;
  part(item, 'done').setAttribute('aria-describedby', `due-${todo.id}`);
  part(item, 'done').onchange = (event) => complete(item, event.target.checked);
  part(item, 'edit').onclick = () => openEdit(item);
  part(item, 'delete').onclick = () => remove(item);
  items.set(todo.id, item);
  draw(item);
  return item;
}

/** Shows `todo`, by default what the service last said about the item. */
function draw(item, todo = item.todo) {
  item.shown = todo;
  item.li.classList.toggle('completed', todo.completed);
  part(item, 'done').checked = todo.completed;
  part(item, 'title').textContent = todo.title.trim() ? todo.title : '(blank title)';
  part(item, 'description').textContent = todo.description;
  part(item, 'edit').ariaLabel = `Edit ${quoted(todo)}`;
  part(item, 'delete').ariaLabel = `Delete ${quoted(todo)}`;
  drawDue(item);
}

function drawDue({ li, shown }) {
  const state = li.dataset.due = dueState(shown);
  li.querySelector('.todo-due').hidden = state === 'none';
  if (state === 'none') return;
  const at = fromUtc(shown.deadline_at);
  const format = at.getFullYear() === new Date().getFullYear() ? THIS_YEAR : OTHER_YEAR;
  li.querySelector('.badge').textContent = DUE_WORDS[state];
  li.querySelector('time').dateTime = at.toISOString();
  li.querySelector('time').textContent = format.format(at);
  li.querySelector('.relative').textContent = state === 'done' ? '' : `(${relative(at - Date.now())})`;
}

/** Sends changes of one todo one after the other, so that the last click wins; a failed one is rolled back. */
function change(item, what, request, done, retry, putBack = () => {}) {
  item.pending += 1;
  item.queue = item.queue.then(request).then(done, (failure) => {
    const gone = failure.status === 404;
    putBack();
    if (gone && !item.form) drop(item);
    else draw(item); // what the service has
    summarise();
    report(`${quoted(item.todo)} was not ${what}.`, failure, gone ? null : retry);
  }).finally(() => { item.pending -= 1; });
  changes = Promise.allSettled([changes, item.queue]);
  return item.queue;
}
const put = async (item, body) => { item.todo = (await call('PUT', `${API}/${item.todo.id}`, { body })).data; };

function complete(item, completed) {
  notice();
  draw(item, { ...item.todo, completed });
  summarise();
  change(item, 'changed', () => put(item, { completed }), () => {
    if (item.pending > 1) return; // a later click is on its way and has the last word
    settle(item, `${quoted(item.todo)} is ${completed ? 'done' : 'open again'}.`, () => complete(item, !completed));
  }, () => complete(item, completed));
}

/** After a change a todo stays in the list, or leaves it where the filter says so; `takeBack` undoes the change. */
function settle(item, text, takeBack) {
  draw(item);
  summarise();
  if (matchesFilter(item.todo) || item.form) return announce(text);
  const putBack = takeOut(item, '.todo-done');
  notice('info', `${text} It has left this filtered list.`, 'Undo', takeBack && (() => { putBack(); takeBack(); }));
}

/** Takes a todo off the page; focus moves to its neighbour. Returns a function that puts it back where it was. */
function takeOut(item, control) {
  const place = document.createComment('');
  const neighbour = item.li.nextElementSibling ?? item.li.previousElementSibling;
  const hadFocus = item.li.contains(document.activeElement);
  item.li.replaceWith(place);
  items.delete(item.todo.id);
  summarise();
  if (hadFocus) (neighbour?.querySelector(control) ?? $('todos')).focus();
  return (back = item) => {
    if (items.has(back.todo.id)) drop(items.get(back.todo.id)); // a refresh may have brought it back already
    items.set(back.todo.id, back);
    if (place.isConnected) place.replaceWith(back.li);
    else $('list').prepend(back.li);
    summarise();
    back.li.querySelector(control).focus();
  };
}

function remove(item) {
  const putBack = takeOut(item, '.todo-delete');
  notice();
  change(item, 'deleted', () => call('DELETE', `${API}/${item.todo.id}`), ({ data }) => {
    // The service answers 200 without a todo for one that is gone already: nothing to undo then.
    if (data?.id) notice('info', `Deleted ${quoted(data)}.`, 'Undo', () => restore(data, putBack));
    else notice('info', `${quoted(item.todo)} had been deleted already.`);
  }, () => remove(item), putBack);
}

/** The API has no undelete, so the same todo is added again; only what the service sets itself is new. */
function restore({ id, created_at, updated_at, ...body }, putBack) {
  call('POST', API, { body }).then(({ data }) => {
    putBack(newItem(data));
    announce(`${quoted(data)} is back.`);
  }, (failure) => report(`${quoted(body)} was not restored.`, failure, () => restore(body, putBack)));
}

// === Forms ===
/** Puts the three fields into a form; `prefix` begins their ids. `send` gets what was changed, one call at a time. */
function addFields(form, prefix, send, initial = {}) {
  form.prepend(clone('fields-template'));
  for (const field of form.querySelectorAll('.field')) {
    const input = field.querySelector('input');
    input.id = input.dataset.testid = field.querySelector('label').htmlFor = `${prefix}-${input.name}`;
    for (const name of ['hint', 'error']) field.querySelector(`.${name}`).id = `${input.id}-${name}`;
    input.setAttribute('aria-describedby', `${input.id}-error ${input.id}-hint`);
    input.oninput = () => complain(input, '');
    input.value = initial[input.name] ?? '';
    // Kept as the browser made it (an input drops line breaks), because an untouched field is not sent back.
    input.dataset.initial = input.value;
  }
  form.onsubmit = async (event) => {
    event.preventDefault();
    const values = form.ariaBusy !== 'true' && readFields(form);
    if (!values) return;
    form.ariaBusy = 'true'; // and not a disabled button, which would lose the focus
    await send(values);
    form.ariaBusy = 'false';
  };
}

function complain(input, text) {
  $(`${input.id}-error`).textContent = text;
  input.ariaInvalid = text ? 'true' : 'false';
  return text;
}

function problem(input) {
  const text = input.value.trim();
  const length = [...text].length; // as the service counts; maxlength would count an emoji twice
  if (input.required && !text) return 'Give it a title.';
  if (length > input.dataset.max) return `At most ${input.dataset.max} characters; this has ${length}.`;
  return input.validity.valid ? '' : 'Give the date and the time, with a year up to 9999.';
}

/** The changed fields as the API wants them, or undefined after saying what is wrong. */
function readFields(form) {
  const inputs = [...form.querySelectorAll('.field input')];
  const [wrong] = inputs.filter((input) => complain(input, problem(input)));
  if (wrong) return wrong.focus();
  const changed = inputs.filter((input) => input.value !== input.dataset.initial);
  return Object.fromEntries(changed.map(({ name, value }) => (
    name === 'deadline' ? ['deadline_at', value ? toUtc(value) : null] : [name, value.trim() || null])));
}

async function add(values) {
  notice();
  try {
    const todo = (await call('POST', API, { body: values })).data;
    $('new-form').reset();
    $('new-title').focus();
    const show = () => $('filters').reset();
    if (!matchesFilter(todo)) return notice('info', `Added ${quoted(todo)}. The filter hides it.`, 'Show all', show);
    // On top, where the eye is; after a refresh it stands in its place by number.
    const { li } = items.get(todo.id) ?? newItem(todo);
    li.classList.add('fresh');
    $('list').prepend(li);
    summarise();
    announce(`Added ${quoted(todo)}.`);
  } catch (failure) {
    if (!failure.status) failure.message += ' It may have arrived all the same: refresh before you add it again.';
    report('The todo was not added.', failure);
  }
}

function openEdit(item) {
  const { todo, li } = item;
  const form = item.form = clone('edit-template');
  const close = () => {
    const hadFocus = form.contains(document.activeElement);
    form.remove();
    item.form = null;
    if (hadFocus) part(item, 'edit').focus();
  };
  // The form stays open until the service has said yes, so that nothing typed is lost.
  const send = (values) => (notice(), change(item, 'saved', () => put(item, values), () => {
    if (item.form) close();
    settle(item, `Saved ${quoted(item.todo)}.`);
  }, () => item.form?.requestSubmit()));
  const deadline = todo.deadline_at && toLocalInput(fromUtc(todo.deadline_at));
  addFields(form, `edit-${todo.id}`, send, { ...todo, deadline });
  form.querySelector('.edit-cancel').onclick = close;
  form.onkeydown = (event) => { if (event.key === 'Escape' && !event.isComposing) close(); };
  li.prepend(form); // the style sheet hides what follows it
  form.elements.title.select();
}

// === Filter, shortcuts, start ===
function applyFilter() {
  filter = Object.fromEntries([...new FormData($('filters'))].filter(([, value]) => value));
  nextAfter = null;
  notice();
  load({ newFilter: true });
}

function onShortcut(event) {
  const typing = event.target.closest?.('input:not([type=checkbox], [type=radio]), select, textarea');
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !$('shortcuts').checked) return;
  if (event.key === 'n' || event.key === '/') $('new-title').focus();
  else if (event.key === 'u' && $('notice-action').textContent === 'Undo') $('notice-action').click();
  else return;
  event.preventDefault(); // the key is not typed into the field, nor does it open the browser's search
}

function tick() {
  if (document.hidden) return;
  checkHealth(); // a good answer after a failed load starts it again
  items.forEach(drawDue);
  summarise();
}

addFields($('new-form'), 'new', add);
$('new-title').setAttribute('aria-keyshortcuts', 'n /');
$('filters').onchange = applyFilter;
$('refresh').onclick = () => { notice(); load(); };
$('retry').onclick = () => retryLoad();
$('load-more').onclick = () => load({ more: true });
$('filters').onreset = () => setTimeout(applyFilter); // the fields change after the event
$('notice-close').onclick = () => notice();
$('ping').onclick = async () => { for (let i = 0; i < 20; i += 1) await checkHealth(); };
document.addEventListener('keydown', onShortcut);
$('shortcuts').onchange = () => { $('shortcut-hint').hidden = !$('shortcuts').checked; };
for (const event of ['online', 'visibilitychange']) addEventListener(event, tick);
setInterval(tick, HEALTH_EVERY_MS);
checkHealth();
load();
