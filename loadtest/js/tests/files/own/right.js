import http from 'k6/http';
import state, { count, Box } from './state.js';
import { odd } from './left.js';
import config from './config.json';
import { words } from './config.json';
export { seen as list } from './state.js';
export * from './state.js';
const base = config.base;
config.uses = 0;
export const even = (n) => (n === 0 ? true : odd(n - 1));
export const ask = (path) => {
  config.uses += 1;
  return `${http.get(`${base}/${path}`).status} ${config.uses} ${words.join('')} ${count} ${new Box(1).value} ${Box.made} ${state.name}`;
};
export function breaks() {
  const nothing = null;
  return nothing.value;
}
