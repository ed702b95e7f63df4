import { sleep } from 'k6';
import { deeper } from './deeper.js';
export const GREETING = 'hello';
export function nap() { sleep(deeper()); }
export default class Thing { name() { return 'thing'; } }
