// The module k6/secrets. This program has no sources of secrets, so it answers as k6 does where none is configured.
const none = { get: async () => { throw new Error('no secret sources are configured'); } };

export default { ...none, source: () => none };
