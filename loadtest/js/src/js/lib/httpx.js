// What scripts import from https://jslib.k6.io/httpx/: a session with a base URL, headers, tags and a timeout.
import http from 'k6/http';

export class Request {
  constructor(method, url, body, params) {
    Object.assign(this, { method, url, body, params });
  }
}
const kind = (method) => class extends Request {
  constructor(url, body, params) {
    super(method, url, body, params);
  }
};
export const [Get, Post, Put, Patch, Delete, Options, Head] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'].map(kind);

export class Httpx {
  constructor(params = {}) {
    const { baseURL = '', headers = {}, tags = {}, ...rest } = params;
    this.baseURL = baseURL;
    this.params = { timeout: 60000, ...rest };
    this.headers = { ...headers };
    this.tags = { ...tags };
  }
  setBaseUrl(url) { this.baseURL = url; }
  addHeader(name, value) { this.headers[name] = value; }
  addHeaders(headers) { Object.assign(this.headers, headers); }
  clearHeader(name) { delete this.headers[name]; }
  addTag(name, value) { this.tags[name] = value; }
  addTags(tags) { Object.assign(this.tags, tags); }
  clearTag(name) { delete this.tags[name]; }

  #url(url) {
    // A path belongs to the base; an address of its own stands for itself. A URL of `http.url` keeps its name.
    if (typeof url !== 'string') return { ...url, url: this.#url(url.url) };
    return /^https?:\/\//.test(url) ? url : this.baseURL + url;
  }
  #merged(params) {
    const own = params ?? {};
    return {
      ...this.params, ...own,
      headers: { ...this.headers, ...own.headers },
      tags: { ...this.tags, ...own.tags },
    };
  }
  request(method, url, body, params) {
    return http.request(method, this.#url(url), body, this.#merged(params));
  }
  asyncRequest(method, url, body, params) {
    return http.asyncRequest(method, this.#url(url), body, this.#merged(params));
  }
  get(url, body, params) { return this.request('GET', url, body, params); }
  post(url, body, params) { return this.request('POST', url, body, params); }
  put(url, body, params) { return this.request('PUT', url, body, params); }
  patch(url, body, params) { return this.request('PATCH', url, body, params); }
  delete(url, body, params) { return this.request('DELETE', url, body, params); }
  options(url, body, params) { return this.request('OPTIONS', url, body, params); }
  head(url, body, params) { return this.request('HEAD', url, body, params); }
  trace(url, body, params) { return this.request('TRACE', url, body, params); }
  asyncGet(url, body, params) { return this.asyncRequest('GET', url, body, params); }
  asyncPost(url, body, params) { return this.asyncRequest('POST', url, body, params); }
  asyncPut(url, body, params) { return this.asyncRequest('PUT', url, body, params); }
  asyncPatch(url, body, params) { return this.asyncRequest('PATCH', url, body, params); }
  asyncDelete(url, body, params) { return this.asyncRequest('DELETE', url, body, params); }
  batch(requests, params) {
    const common = params ?? {};
    return http.batch(requests.map((request) => {
      const { method, url, body, params: own } = request instanceof Request ? request : new Get(request);
      const both = {
        ...common, ...own,
        headers: { ...common.headers, ...own?.headers },
        tags: { ...common.tags, ...own?.tags },
      };
      return { method, url: this.#url(url), body, params: this.#merged(both) };
    }));
  }
}

export default { Httpx, Request, Get, Post, Put, Patch, Delete, Options, Head };
