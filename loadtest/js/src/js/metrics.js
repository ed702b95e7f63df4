// The classes of k6/metrics.
import { declare, record } from '#metrics';

function metric(kind) {
  return class {
    constructor(name, isTime) {
      Object.defineProperty(this, 'name', { value: declare(kind, name, !!isTime), enumerable: true });
    }
    add(value, tags) {
      return arguments.length === 0 ? record(this.name) : record(this.name, value, tags);
    }
  };
}

export const Counter = metric(0);
export const Gauge = metric(1);
export const Rate = metric(2);
export const Trend = metric(3);
export default { Counter, Gauge, Rate, Trend };
