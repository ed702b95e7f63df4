export let count = 0;
export const seen = [];
export class Box {
  static made = 0;
  constructor(value) {
    this.value = value;
    Box.made += 1;
  }
}
export function next() {
  count += 1;
  seen.push(count);
  return count;
}
export default { name: 'state', next };
