// A promise of the init code that fails without anybody waiting for it has an exit code of its own.
import { open } from 'k6/experimental/fs';
let file;
(async function () {
  file = await open(import.meta.resolve('./no/such/file'));
})();
export default function () {}
