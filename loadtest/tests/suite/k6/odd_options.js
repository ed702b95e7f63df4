export const options = 5;
export default function () {}
