export const options = { scenarios: { a: { executor: 'per-vu-iterations', exec: 'nowhere' } } };
export default function () {}
