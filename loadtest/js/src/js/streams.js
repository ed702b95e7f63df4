// The module k6/experimental/streams: readable and writable streams of the Streams standard, with default readers and
// writers.
function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  // Whoever looks at it later still sees the rejection.
  made.promise.catch(() => {});
  return made;
}
const settled = (value) => { const made = deferred(); made.resolve(value); return made; };
const failed = (error) => { const made = deferred(); made.reject(error); return made; };
const call = async (object, name, ...args) => object?.[name]?.(...args);

function strategyOf(strategy, otherwise) {
  const { highWaterMark = otherwise, size } = strategy ?? {};
  if (size !== undefined && typeof size !== 'function') throw new TypeError('size must be a function');
  const mark = Number(highWaterMark);
  if (Number.isNaN(mark) || mark < 0) throw new RangeError('invalid highWaterMark');
  return { mark, size: size === undefined ? () => 1 : (chunk) => size(chunk) };
}

// Chunks with their sizes.
class Queue {
  items = [];
  total = 0;
  push(value, size) {
    if (typeof size !== 'number' || !(size >= 0) || size === Infinity) throw new RangeError('size must be a finite, non-negative number');
    this.items.push({ value, size });
    this.total += size;
  }
  shift() {
    const { value, size } = this.items.shift();
    this.total = Math.max(this.total - size, 0);
    return value;
  }
  clear() { this.items = []; this.total = 0; }
  get empty() { return this.items.length === 0; }
}

export class CountQueuingStrategy {
  constructor(init) {
    if (init?.highWaterMark === undefined) throw new TypeError('CountQueuingStrategy needs a highWaterMark');
    Object.defineProperty(this, 'highWaterMark', { value: init.highWaterMark, enumerable: true });
  }
  get size() { return () => 1; }
}

const states = new WeakMap();
const own = (object, what) => states.get(object) ?? (() => { throw new TypeError(`this is no ${what}`); })();

// --- readable ---

function settleReads(s, settle) {
  const waiting = s.waiting.splice(0);
  waiting.forEach(settle);
}
function closeReadable(s) {
  if (s.state !== 'readable') return;
  s.state = 'closed';
  settleReads(s, (read) => read.resolve({ value: undefined, done: true }));
  s.reader?.closed.resolve(undefined);
}
function errorReadable(s, error) {
  if (s.state !== 'readable') return;
  s.state = 'errored';
  s.error = error;
  s.queue.clear();
  settleReads(s, (read) => read.reject(error));
  s.reader?.closed.reject(error);
}
const roomOf = (s) => (s.state === 'errored' ? null : s.state === 'closed' ? 0 : s.mark - s.queue.total);
function pullMore(s) {
  const wants = s.started && s.state === 'readable' && !s.closing && (s.waiting.length > 0 || roomOf(s) > 0);
  if (!wants || s.source?.pull === undefined) return;
  if (s.pulling) { s.again = true; return; }
  s.pulling = true;
  call(s.source, 'pull', s.controller).then(() => {
    s.pulling = false;
    if (s.again) { s.again = false; pullMore(s); }
  }, (error) => errorReadable(s, error));
}
function cancelReadable(s, reason) {
  if (s.state === 'closed') return settled(undefined).promise;
  if (s.state === 'errored') return failed(s.error).promise;
  closeReadable(s);
  s.queue.clear();
  return call(s.source, 'cancel', reason).then(() => undefined);
}

class ReadableStreamDefaultController {
  get desiredSize() { return roomOf(own(this, 'controller')); }
  enqueue(chunk) {
    const s = own(this, 'controller');
    if (s.state !== 'readable' || s.closing) throw new TypeError('cannot enqueue a chunk: the stream is closed or errored');
    if (s.waiting.length > 0) {
      s.waiting.shift().resolve({ value: chunk, done: false });
    } else {
      try {
        s.queue.push(chunk, s.size(chunk));
      } catch (error) {
        errorReadable(s, error);
        throw error;
      }
    }
    pullMore(s);
  }
  close() {
    const s = own(this, 'controller');
    if (s.state !== 'readable' || s.closing) throw new TypeError('cannot close the stream: it is closed or errored');
    s.closing = true;
    if (s.queue.empty) closeReadable(s);
  }
  error(reason) { errorReadable(own(this, 'controller'), reason); }
}

export class ReadableStream {
  constructor(source, strategy) {
    if (source?.type === 'bytes') throw new TypeError('streams of bytes are not supported');
    if (source?.type !== undefined) throw new RangeError('invalid type of source');
    const { mark, size } = strategyOf(strategy, 1);
    const controller = new ReadableStreamDefaultController();
    const s = { state: 'readable', queue: new Queue(), waiting: [], source, mark, size, controller, started: false };
    states.set(this, s);
    states.set(controller, s);
    const begun = source?.start?.(controller);
    Promise.resolve(begun).then(() => { s.started = true; pullMore(s); }, (error) => errorReadable(s, error));
  }
  get locked() { return own(this, 'ReadableStream').reader !== undefined; }
  getReader(options) {
    if (options?.mode !== undefined) throw new TypeError('readers of bytes are not supported');
    return new ReadableStreamDefaultReader(this);
  }
  cancel(reason) {
    const s = own(this, 'ReadableStream');
    return s.reader === undefined ? cancelReadable(s, reason) : failed(new TypeError('the stream is locked')).promise;
  }
  async *[Symbol.asyncIterator]() {
    const reader = this.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      reader.releaseLock();
    }
  }
}

export class ReadableStreamDefaultReader {
  #s;
  #closed;
  constructor(stream) {
    const s = own(stream, 'ReadableStream');
    if (s.reader !== undefined) throw new TypeError('the stream is already locked to a reader');
    this.#closed = { readable: deferred, closed: settled, errored: () => failed(s.error) }[s.state]();
    this.#s = s;
    s.reader = { closed: this.#closed };
  }
  get closed() { return this.#closed.promise; }
  read() {
    const s = this.#s;
    if (s === undefined) return failed(new TypeError('the reader has been released')).promise;
    if (s.state === 'errored') return failed(s.error).promise;
    if (!s.queue.empty) {
      const value = s.queue.shift();
      if (s.closing && s.queue.empty) closeReadable(s); else pullMore(s);
      return Promise.resolve({ value, done: false });
    }
    if (s.state === 'closed') return Promise.resolve({ value: undefined, done: true });
    const read = deferred();
    s.waiting.push(read);
    pullMore(s);
    return read.promise;
  }
  cancel(reason) {
    return this.#s === undefined ? failed(new TypeError('the reader has been released')).promise : cancelReadable(this.#s, reason);
  }
  releaseLock() {
    const s = this.#s;
    if (s === undefined) return;
    const error = new TypeError('the reader has been released');
    if (s.state === 'readable') this.#closed.reject(error); else this.#closed = failed(error);
    settleReads(s, (read) => read.reject(error));
    s.reader = undefined;
    this.#s = undefined;
  }
}

// --- writable ---

function advance(s) {
  if (!s.started || s.busy || s.state === 'errored' || s.state === 'closed') return;
  if (s.queue.empty) {
    if (s.closing === undefined) return;
    s.busy = true;
    call(s.sink, 'close').then(() => {
      s.state = 'closed';
      s.closing.resolve(undefined);
      s.closed.resolve(undefined);
    }, (error) => errorWritable(s, error));
    return;
  }
  s.busy = true;
  const { chunk, done } = s.queue.items[0].value;
  call(s.sink, 'write', chunk, s.controller).then(() => {
    s.busy = false;
    if (s.state !== 'writable') return;
    s.queue.shift();
    done.resolve(undefined);
    updateReady(s);
    advance(s);
  }, (error) => { s.busy = false; errorWritable(s, error); });
}
function updateReady(s) {
  const waits = s.state === 'writable' && s.closing === undefined && s.mark - s.queue.total <= 0;
  if (waits && !s.waits) s.ready = deferred();
  if (!waits) s.ready.resolve(undefined);
  s.waits = waits;
}
function errorWritable(s, error) {
  if (s.state !== 'writable') return;
  s.state = 'errored';
  s.error = error;
  const waiting = s.queue.items.map((item) => item.value.done);
  s.queue.clear();
  waiting.forEach((done) => done.reject(error));
  s.closing?.reject(error);
  s.closed.reject(error);
  s.ready.reject(error);
  s.ready = failed(error);
}
function closeWritable(s) {
  if (s.state !== 'writable' || s.closing !== undefined) return failed(new TypeError('the stream is closed, closing or errored')).promise;
  s.closing = deferred();
  updateReady(s);
  advance(s);
  return s.closing.promise;
}
function abortWritable(s, reason) {
  if (s.state !== 'writable') return settled(undefined).promise;
  errorWritable(s, reason);
  return call(s.sink, 'abort', reason).then(() => undefined);
}

class WritableStreamDefaultController {
  error(reason) { errorWritable(own(this, 'controller'), reason); }
}

export class WritableStream {
  constructor(sink, strategy) {
    if (sink?.type !== undefined) throw new RangeError('invalid type of sink');
    const { mark, size } = strategyOf(strategy, 1);
    const controller = new WritableStreamDefaultController();
    const s = { state: 'writable', queue: new Queue(), sink, mark, size, controller, ready: settled(undefined), closed: deferred() };
    states.set(this, s);
    states.set(controller, s);
    updateReady(s);
    const begun = sink?.start?.(controller);
    Promise.resolve(begun).then(() => { s.started = true; advance(s); }, (error) => errorWritable(s, error));
  }
  get locked() { return own(this, 'WritableStream').writer === true; }
  getWriter() { return new WritableStreamDefaultWriter(this); }
  close() {
    const s = own(this, 'WritableStream');
    return s.writer ? failed(new TypeError('the stream is locked')).promise : closeWritable(s);
  }
  abort(reason) {
    const s = own(this, 'WritableStream');
    return s.writer ? failed(new TypeError('the stream is locked')).promise : abortWritable(s, reason);
  }
}

export class WritableStreamDefaultWriter {
  #s;
  constructor(stream) {
    this.#s = own(stream, 'WritableStream');
    if (this.#s.writer) throw new TypeError('the stream is already locked to a writer');
    this.#s.writer = true;
  }
  #get() { return this.#s ?? (() => { throw new TypeError('the writer has been released'); })(); }
  get closed() { return this.#s === undefined ? failed(new TypeError('the writer has been released')).promise : this.#s.closed.promise; }
  get ready() { return this.#s === undefined ? failed(new TypeError('the writer has been released')).promise : this.#s.ready.promise; }
  get desiredSize() {
    const s = this.#get();
    if (s.state === 'errored') return null;
    return s.state === 'closed' ? 0 : s.mark - s.queue.total;
  }
  write(chunk) {
    const s = this.#s;
    if (s === undefined) return failed(new TypeError('the writer has been released')).promise;
    if (s.state === 'errored') return failed(s.error).promise;
    if (s.state === 'closed' || s.closing !== undefined) return failed(new TypeError('the stream is closed or closing')).promise;
    const done = deferred();
    try {
      s.queue.push({ chunk, done }, s.size(chunk));
    } catch (error) {
      errorWritable(s, error);
      return failed(error).promise;
    }
    updateReady(s);
    advance(s);
    return done.promise;
  }
  close() { return this.#s === undefined ? failed(new TypeError('the writer has been released')).promise : closeWritable(this.#s); }
  abort(reason) { return this.#s === undefined ? failed(new TypeError('the writer has been released')).promise : abortWritable(this.#s, reason); }
  releaseLock() {
    if (this.#s === undefined) return;
    this.#s.writer = false;
    this.#s = undefined;
  }
}

export default { CountQueuingStrategy, ReadableStream, ReadableStreamDefaultReader, WritableStream, WritableStreamDefaultWriter };
