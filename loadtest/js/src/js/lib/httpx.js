// What scripts import from https://jslib.k6.io/httpx/: a session with a base URL, headers, tags and other params.
import http from 'k6/http';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

// What http.url`...` makes.
const isNamed = (url) => typeof url === 'object' && 'name' in url && 'url' in url && 'clean_url' in url;

// The second wins; headers and tags of both are kept.
function merged(one, other) {
  return {
    ...one, ...other,
    headers: { ...one?.headers, ...other?.headers },
    tags: { ...one?.tags, ...other?.tags },
  };
}

// For a batch; the body is one of the params.
export class Request {
  constructor(method, url, params = {}) {
    const { body, ...rest } = params ?? {};
    this.method = method;
    this.url = isNamed(url) ? url.url : url;
    this.body = body || null;
    this.params = rest;
    if (isNamed(url)) this.addTag('name', url.name);
  }
  addHeader(name, value) {
    this.params.headers = { ...this.params.headers, [name]: value };
    return this;
  }
  addTag(name, value) {
    this.params.tags = { ...this.params.tags, [name]: value };
    return this;
  }
}

const kind = (method) => class extends Request {
  constructor(url, params) { super(method, url, params); }
};
export const [Get, Head, Post, Put, Delete, Connect, Options, Trace, Patch] = METHODS.map(kind);

export class Httpx {
  constructor(options = {}) {
    const {
      baseURL = '', headers = {}, tags = {}, errorMetric = null,
      errorMetricCondition = (response) => response.status >= 200 && response.status <= 399, ...others
    } = options;
    this.k6params = { headers: { ...headers }, tags: { ...tags }, ...others };
    this.baseURL = baseURL;
    this.lastRequest = { responseObject: null, responseChainDuration: null };
    this.errorMetric = errorMetric;
    this.errorMetricCondition = errorMetricCondition;
  }
  get lastRequestChainDuration() { return this.lastRequest.responseChainDuration; }
  setBaseUrl(url) { this.baseURL = url; }
  addHeader(name, value) { this.k6params.headers[name] = value; }
  addHeaders(headers) { Object.assign(this.k6params.headers, headers); }
  clearHeader(name) { delete this.k6params.headers[name]; }
  addTag(name, value) { this.k6params.tags[name] = value; }
  addTags(tags) { Object.assign(this.k6params.tags, tags); }
  clearTag(name) { delete this.k6params.tags[name]; }

  // A path belongs to the base; an address of its own stands for itself. A URL of `http.url` keeps its name.
  #prepare(method, url, params) {
    if (!METHODS.includes(method)) throw new Error(`${method} is not a method: it must be one of ${METHODS.join(', ')}`);
    const own = merged(this.k6params, params);
    if (isNamed(url)) own.tags.name = url.name;
    const text = isNamed(url) ? url.url : url;
    return [text.startsWith('http') ? text : this.baseURL + text, own];
  }
  #remember(response, begin) {
    this.lastRequest.responseObject = response;
    this.lastRequest.responseChainDuration = Date.now() - begin;
  }
  request(method, url, body, params) {
    if (arguments.length < 2) throw new Error('request() needs at least a method and a URL');
    const [address, own] = this.#prepare(method, url, params);
    const begin = Date.now();
    const response = http.request(method, address, body, own);
    this.errorMetric?.add(!(own.expect || this.errorMetricCondition)(response));
    this.#remember(response, begin);
    return response;
  }
  asyncRequest(method, url, body, params) {
    if (arguments.length < 2) throw new Error('asyncRequest() needs at least a method and a URL');
    const [address, own] = this.#prepare(method, url, params);
    return http.asyncRequest(method, address, body, own);
  }
  execute({ method, url, body, params }) { return this.request(method, url, body, params); }

  // Of arrays [method, path, body, params] and of requests; what both share can be given beside them.
  batch(requests, shared) {
    const wire = [];
    for (const request of requests) {
      const [method, path, body, params] = Array.isArray(request)
        ? request
        : request instanceof Request ? [request.method, request.url, request.body, request.params] : [];
      if (method === undefined) continue;
      wire.push([method, this.baseURL + path, body || null, merged(this.k6params, merged(shared, params))]);
    }
    const begin = Date.now();
    const responses = http.batch(wire);
    this.#remember(responses, begin);
    return responses;
  }

  static {
    for (const method of METHODS) {
      const name = method.toLowerCase();
      const shown = method[0] + name.slice(1);
      const define = (key, value) => Object.defineProperty(Httpx.prototype, key, { value, configurable: true, writable: true });
      define(name, function (url, body, params) { return this.request(method, url, body, params); });
      define('async' + shown, function (url, body, params) { return this.asyncRequest(method, url, body, params); });
    }
  }
}

export default { Httpx, Request, Get, Head, Post, Put, Delete, Connect, Options, Trace, Patch };
