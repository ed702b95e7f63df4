import http, { type RefinedResponse, type ResponseType } from 'k6/http';
import { check } from 'k6';
import type { Options } from 'k6/options';
import { nap } from './lib/helper.js';
enum Level { Low = 1, High }
interface Person { name: string; age?: number }
export const options: Options = { vus: 2 };
class Greeter<T extends Person> {
  constructor(private readonly who: T) {}
  greet(): string { return `hi ${this.who.name} ${Level.High}` as string; }
}
export default function (): void {
  const res: RefinedResponse<ResponseType | undefined> = http.get('http://h.test/ts');
  check<typeof res>(res, { ok: (r) => r!.status === 200 });
  console.log(new Greeter({ name: 'ada' } satisfies Person).greet());
  nap();
}
