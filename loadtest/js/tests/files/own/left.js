import { next, seen } from './state.js';
import * as right from './right.js';
export const left = () => `left ${next()} ${seen.length}`;
export const odd = (n) => (n === 0 ? false : right.even(n - 1));
