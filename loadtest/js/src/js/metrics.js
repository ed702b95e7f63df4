// The constructors of k6/metrics; they make plain objects, with or without `new`.
import { declare, record } from '#metrics';

function metric(kind) {
  return function (name, isTime) {
    const declared = declare(kind, name, !!isTime);
    return Object.defineProperty({
      name: declared,
      add(value, tags) { return arguments.length === 0 ? record(declared) : record(declared, value, tags); },
    }, 'name', { writable: false });
  };
}

export const Counter = metric(0);
export const Gauge = metric(1);
export const Rate = metric(2);
export const Trend = metric(3);
export default { Counter, Gauge, Rate, Trend };
