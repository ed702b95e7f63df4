throw new Error('in the init code');
export default function () {}
