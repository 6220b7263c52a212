import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

const MARK_LENGTH = 32;

/**
 * The newest change that was told to be durable, in a file of its own.
 *
 * SQLite takes a damaged or lost end of its write-ahead log for a write that never finished, and
 * goes on without it. This mark tells the two apart. It is written after every flush and not
 * flushed itself: a power failure may leave an older mark, which only means that less is noticed,
 * never that something whole is refused.
 */
export class AcknowledgedMark {
  readonly #file: string;
  #fd: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** The mark, or 0 when there is none that can be read. */
  read(): number {
    if (!existsSync(this.#file)) return 0;
    const [seq, checksum] = readFileSync(this.#file, 'latin1').trim().split(' ');
    return seq !== undefined && crc32(seq) === Number(checksum) ? Number(seq) : 0;
  }

  write(seq: number): void {
    this.#fd ??= openSync(this.#file, existsSync(this.#file) ? 'r+' : 'w');
    const text = `${seq} ${crc32(String(seq))}`.padEnd(MARK_LENGTH - 1);
    writeSync(this.#fd, `${text}\n`, 0, 'latin1');
  }

  close(): void {
    if (this.#fd === undefined) return;
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}
