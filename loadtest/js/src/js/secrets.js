// The module k6/secrets.
import { secret } from '#go';

const from = (source) => ({ get: async (key) => secret(source, key) });

export default { ...from('default'), source: from };
