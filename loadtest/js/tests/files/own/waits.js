export async function later() {}
