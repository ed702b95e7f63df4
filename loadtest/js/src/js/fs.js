// The module k6/experimental/fs: files that are read whole when they are opened.
export const SeekMode = { Start: 0, Current: 1, End: 2 };

function failed(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

class File {
  #bytes;
  #at = 0;
  constructor(path, bytes) {
    this.path = path;
    this.#bytes = bytes;
  }
  async stat() {
    return { name: this.path.split('/').pop(), size: this.#bytes.length };
  }
  async read(buffer) {
    if (!(buffer instanceof Uint8Array)) throw failed('TypeError', 'read() failed; reason: the buffer argument must be a Uint8Array');
    const count = Math.min(buffer.length, this.#bytes.length - this.#at);
    if (count <= 0) return buffer.length === 0 ? 0 : null;
    buffer.set(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }
  async seek(offset, whence) {
    const bases = [0, this.#at, this.#bytes.length];
    if (!Number.isInteger(offset)) throw failed('TypeError', 'seek() failed; reason: the offset argument must be an integer');
    if (bases[whence] === undefined) throw failed('TypeError', 'seek() failed; reason: the whence argument must be a SeekMode');
    const at = bases[whence] + offset;
    if (at < 0 || at > this.#bytes.length) throw failed('TypeError', 'seek() failed; reason: the offset lies outside the file');
    this.#at = at;
    return at;
  }
}

function bytesOf(path) {
  try {
    return new Uint8Array(open(path, 'b'));
  } catch (error) {
    const [, missing] = /^open (.*): no such file or directory$/s.exec(error.message) ?? [];
    if (missing !== undefined) throw failed('NotFoundError', `no such file or directory "${missing}"`);
    const [, directory] = /with directories, path: (".*")$/s.exec(error.message) ?? [];
    if (directory !== undefined) throw failed('InvalidResourceError', `cannot open ${directory}: opening a directory is not supported`);
    throw error;
  }
}

async function openFile(path) {
  if (path === undefined || path === null) throw failed('TypeError', 'open() failed; reason: path cannot be null or undefined');
  const text = String(path);
  if (text === '') throw failed('TypeError', 'open() failed; reason: path cannot be empty');
  return new File(text, bytesOf(text));
}

export { openFile as open };
export default { open: openFile, SeekMode };
