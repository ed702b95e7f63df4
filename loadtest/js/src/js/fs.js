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

async function openFile(path) {
  if (typeof path !== 'string' || path === '') throw failed('TypeError', 'open() failed; reason: the path must be a string that is not empty');
  return new File(path, new Uint8Array(open(path, 'b')));
}

export { openFile as open };
export default { open: openFile, SeekMode };
