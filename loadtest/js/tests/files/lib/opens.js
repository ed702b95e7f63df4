export const atTop = open('./only-here.txt');
export const later = (name) => open(name);
